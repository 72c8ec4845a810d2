// Makes partitions and file systems on a disk that was taken down before.
import { AppError } from '../../core/errors.ts';
import type { Host, RunOptions } from '../../sources/writing/host.ts';
import { partitionTypes, sfdiskScript, type PlannedPartition } from './layout.ts';
import { openWhenFree, reloadPartitions } from './nodes.ts';

export type FileSystem = 'ext4' | 'xfs' | 'btrfs';

/** Devices by what they are for. */
export type Devices = Readonly<Partial<Record<PlannedPartition['role'], string>>>;

/** Errors: AppError `exec.*`, `disk.damaged` when the disk has other partitions afterwards. */
export async function makePartitions(
  host: Host,
  disk: string,
  planned: readonly PlannedPartition[],
  options: RunOptions,
): Promise<Devices> {
  const input = sfdiskScript(planned);
  await host.run('sfdisk', ['--no-reread', '--no-tell-kernel', '--wipe=always', disk], {
    ...options,
    input,
  });
  const found: unknown = JSON.parse(await host.run('sfdisk', ['--json', disk], options));
  compare(planned, found, disk);
  const devices = await reloadPartitions(host, disk, options);
  return Object.fromEntries(planned.map(({ role, number }) => [role, devices.get(number)]));
}

/** `filesystem`: of the root; undefined leaves it without one. Errors: AppError `exec.*`. */
export async function makeFileSystems(
  host: Host,
  { esp, swap, root }: Devices,
  filesystem: FileSystem | undefined,
  options: RunOptions,
): Promise<void> {
  // A program that inspects a new partition may hold it for a moment, and mkfs then refuses.
  for (const device of [esp, swap, root]) {
    if (device !== undefined) await (await openWhenFree(host, device, options)).close();
  }
  if (esp !== undefined) await host.run('mkfs.vfat', ['-F', '32', '-n', 'ESP', esp], options);
  if (swap !== undefined) await host.run('mkswap', [swap], options);
  if (root === undefined || filesystem === undefined) return;
  const force = filesystem === 'ext4' ? '-F' : '-f';
  await host.run(`mkfs.${filesystem}`, ['-q', force, root], options);
}

/** Source: sfdisk(8), --json. */
function compare(planned: readonly PlannedPartition[], found: unknown, disk: string): void {
  const wanted = planned.map(({ start, size, role }) => ({
    start,
    size,
    type: partitionTypes[role],
  }));
  const { partitiontable: table } = { partitiontable: undefined, ...Object(found) };
  const { partitions } = { partitions: [], ...Object(table) };
  const is = Array.isArray(partitions)
    ? partitions.map((entry: unknown) => {
        const { start, size, type } = { start: 0, size: 0, type: '', ...Object(entry) };
        return { start, size, type };
      })
    : [];
  if (JSON.stringify(is) === JSON.stringify(wanted)) return;
  throw new AppError(
    'disk.damaged',
    `${disk} does not return the partition table that was written`,
  );
}
