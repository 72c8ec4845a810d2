// Brings the kernel's partitions of a disk into line with its table, and waits for their device files and
// for whoever looks at new devices: udev, and what it starts.
import { AppError, isAppError } from '../../core/errors.ts';
import type { BlockFile } from '../../sources/writing/block-file.ts';
import type { Host, RunOptions } from '../../sources/writing/host.ts';
import { deviceOf, nameOf, readPartitions, type KernelPartition } from './stack.ts';

const pollMs = 100;
/** For the device files to appear. */
const nodesMs = 30_000;
/** For a device that is looked at to be left alone. */
const busyMs = 10_000;

/** In sectors of 512 bytes. */
type TableEntry = Pick<KernelPartition, 'number' | 'start' | 'sectors'>;

/** The partitions of a disk, by number, whose device files are there. The table is read by partx, as a
 *  kernel need not know every kind of table. "partx --update" would not do: where a new partition lies over
 *  the place of an old one it loses the new one, keeps an old one behind the last, and reports success.
 *  Errors: AppError `exec.failed`, `disk.failed`, `disk.in-use`. */
export async function reloadPartitions(
  host: Host,
  device: string,
  options: RunOptions,
): Promise<ReadonlyMap<number, string>> {
  const disk = nameOf(device);
  const table = await readTable(host, device, options);
  const known = await readPartitions(host.root, disk);
  const right = known.filter((one) => table.some((entry) => isSame(entry, one)));
  await dropPartitions(
    host,
    device,
    known.filter((one) => !right.includes(one)),
    options,
  );
  for (const { number } of table) {
    if (right.some((one) => one.number === number)) continue;
    await host.run('partx', ['--add', '--nr', String(number), device], options);
  }
  await settle(host, options);
  return await awaitNodes(host, disk, table, options);
}

/** Has the kernel forget partitions. Errors: AppError `disk.in-use`. */
export async function dropPartitions(
  host: Host,
  device: string,
  partitions: readonly Pick<KernelPartition, 'name' | 'number'>[],
  options: RunOptions,
): Promise<void> {
  const names = new Set(partitions.map(({ name }) => name));
  if (names.size === 0) return;
  await settle(host, options);
  await whileBusy(host, options, async () => {
    let cause: unknown;
    for (const { number, name } of await readPartitions(host.root, nameOf(device))) {
      if (!names.has(name)) continue;
      try {
        await host.run('partx', ['--delete', '--nr', String(number), device], options);
      } catch (err) {
        options.signal.throwIfAborted();
        cause = err;
      }
    }
    const left = await readPartitions(host.root, nameOf(device));
    const kept = left.find(({ name }) => names.has(name));
    if (kept === undefined) return;
    throw new AppError('disk.in-use', `the kernel keeps ${kept.name}, which is in use`, { cause });
  });
}

/** Opens a disk or a partition to be written by this process alone, when others have finished looking at
 *  it. Errors: AppError `disk.in-use`, `disk.failed`. */
export async function openWhenFree(
  host: Host,
  device: string,
  options: RunOptions,
): Promise<BlockFile> {
  return await whileBusy(host, options, () => host.openDisk(device, 'write'));
}

async function whileBusy<T>(
  host: Host,
  { signal }: RunOptions,
  work: () => Promise<T>,
): Promise<T> {
  const untilMs = host.clock.elapsedMs() + busyMs;
  for (;;) {
    try {
      return await work();
    } catch (err) {
      if (!isAppError(err, 'disk.in-use') || host.clock.elapsedMs() >= untilMs) throw err;
    }
    await host.clock.sleep(pollMs, signal);
  }
}

/** Where udev makes the device files, it has work to do for each. */
async function settle(host: Host, options: RunOptions): Promise<void> {
  if ((await host.root.list('/run/udev'))?.includes('control') !== true) return;
  await host.run('udevadm', ['settle', '--timeout=30'], options);
}

async function awaitNodes(
  host: Host,
  disk: string,
  table: readonly TableEntry[],
  { signal }: RunOptions,
): Promise<ReadonlyMap<number, string>> {
  const untilMs = host.clock.elapsedMs() + nodesMs;
  for (;;) {
    const known = await readPartitions(host.root, disk);
    const missing = await firstMissing(host, table, known);
    if (missing === undefined) {
      return new Map(known.map(({ name, number }) => [number, deviceOf(name)]));
    }
    if (host.clock.elapsedMs() >= untilMs) {
      throw new AppError(
        'disk.failed',
        `partition ${missing} of ${deviceOf(disk)} did not appear within ${nodesMs / 1_000} s`,
      );
    }
    await host.clock.sleep(pollMs, signal);
  }
}

/** The number of a partition that the kernel does not have as the table says, or whose device file is not
 *  there or leads to another device. */
async function firstMissing(
  host: Host,
  table: readonly TableEntry[],
  known: readonly KernelPartition[],
): Promise<number | undefined> {
  for (const entry of table) {
    const found = known.find((one) => isSame(entry, one));
    const node = found && (await host.deviceNumber(deviceOf(found.name)));
    if (node === undefined || node !== found?.device) return entry.number;
  }
  return undefined;
}

/** An extended partition has one or two sectors in the kernel, however large it is. */
function isSame(entry: TableEntry, { number, start, sectors }: KernelPartition): boolean {
  return (
    entry.number === number &&
    entry.start === start &&
    (entry.sectors === sectors || sectors === 1 || sectors === 2)
  );
}

/** Source: partx(8), --raw: blanks between columns. */
async function readTable(
  host: Host,
  device: string,
  options: RunOptions,
): Promise<readonly TableEntry[]> {
  const columns = ['--raw', '--noheadings', '--output', 'NR,START,SECTORS'];
  const text = await host.run('partx', [...columns, device], options);
  return text.split('\n').flatMap((line) => {
    const [, number, start, sectors] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line) ?? [];
    if (number === undefined) return [];
    return [{ number: Number(number), start: Number(start), sectors: Number(sectors) }];
  });
}
