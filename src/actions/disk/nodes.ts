// Has the kernel read a disk's new partition table, and waits for the device files of its partitions.
import { AppError } from '../../core/errors.ts';
import type { Host, RunOptions } from '../../sources/writing/host.ts';
import { deviceOf, nameOf, readPartitions } from './stack.ts';

const pollMs = 100;
const waitMs = 30_000;

/** The partitions of a disk, by number, whose device files are there. The table is read by partx, as a
 *  kernel need not know every kind of table. Errors: AppError `exec.failed`, `disk.failed`. */
export async function reloadPartitions(
  host: Host,
  device: string,
  options: RunOptions,
): Promise<ReadonlyMap<number, string>> {
  await host.run('partx', ['--update', device], options);
  // Where udev makes the device files, it has work to do for each.
  if ((await host.root.list('/run/udev'))?.includes('control') === true) {
    await host.run('udevadm', ['settle', '--timeout=30'], options);
  }
  const untilMs = host.clock.elapsedMs() + waitMs;
  for (;;) {
    const partitions = await readPartitions(host.root, nameOf(device));
    const missing = await firstMissing(
      host,
      partitions.map(({ name }) => deviceOf(name)),
    );
    if (missing === undefined) {
      return new Map(partitions.map(({ name, number }) => [number, deviceOf(name)]));
    }
    if (host.clock.elapsedMs() >= untilMs) {
      throw new AppError('disk.failed', `${missing} did not appear within ${waitMs / 1_000} s`);
    }
    await host.clock.sleep(pollMs, options.signal);
  }
}

async function firstMissing(host: Host, devices: readonly string[]): Promise<string | undefined> {
  for (const device of devices) {
    if (!(await host.hasDevice(device))) return device;
  }
  return undefined;
}
