// The system on a disk, mounted where nobody else sees it: its root, its ESP, or a partition by number.
import { AppError } from '../../core/errors.ts';
import type { Host, RunOptions } from '../../sources/writing/host.ts';
import type { MountSpace } from '../../sources/writing/mount-space.ts';
import type { Tree } from '../../sources/writing/tree.ts';
import { reloadPartitions } from './nodes.ts';
import { isEsp, readInfo, type PartitionInfo } from './partition-info.ts';

/** Names a file system of a disk. Without any of these: the one with etc/os-release, or the disk itself if
 *  it has a file system and no partitions. */
export interface Where {
  readonly partition?: number | undefined;
  readonly target?: 'root' | 'esp' | undefined;
  /** Believed where the file system is not recognised. */
  readonly fs_type?: string | undefined;
}

export interface Mounted {
  readonly info: PartitionInfo;
  readonly tree: Tree;
  readonly space: MountSpace;
  /** Within the space. */
  readonly place: string;
  readonly isFat: boolean;
}

const place = '/run/dragonfly/target';
/** Those that a system's root is on, and how they are mounted without their journal being replayed. */
const rootTypes: ReadonlyMap<string, readonly string[]> = new Map([
  ['ext2', []],
  ['ext3', ['noload']],
  ['ext4', ['noload']],
  ['xfs', ['norecovery']],
  ['btrfs', []],
  ['f2fs', []],
]);
/** The names that installers give to the subvolume of the root. */
const subvolumes = ['@', 'root', '@rootfs', '@/.snapshots/1/snapshot'];

/** Files of others are data to us; what runs in the system needs its devices and setuid programs. */
export type Purpose = 'files' | 'programs';

/** Mounts what is meant, gives it to `use`, and unmounts it, so that everything is on the disk afterwards.
 *  Errors: AppError `disk.mismatch` where there is no such file system; `exec.*`; those of `use`. */
export async function withSystem<T>(
  host: Host,
  disk: string,
  where: Where,
  options: RunOptions,
  use: (mounted: Mounted) => Promise<T>,
  purpose: Purpose = 'files',
): Promise<T> {
  const space = await host.openMounts();
  try {
    await space.run('mkdir', ['-p', place], options);
    const mounted = await mountWhere({ host, space, purpose, options }, disk, where);
    const result = await use(mounted);
    await space.run('umount', ['--recursive', place], options);
    return result;
  } finally {
    await space.close();
  }
}

interface Mounting {
  readonly host: Host;
  readonly space: MountSpace;
  readonly purpose: Purpose;
  readonly options: RunOptions;
}

async function mountWhere(mounting: Mounting, disk: string, where: Where): Promise<Mounted> {
  const { host, options } = mounting;
  const whole = await readInfo(host, disk, options);
  const isUnpartitioned = whole.type !== undefined && whole.table === undefined;
  if (!isUnpartitioned && whole.table === undefined) {
    throw missing(`${disk} has neither partitions nor a file system`);
  }
  const partitions = isUnpartitioned ? new Map() : await reloadPartitions(host, disk, options);
  const { partition, target, fs_type: type } = where;
  if (partition !== undefined && partition > 0) {
    const device = partitions.get(partition);
    if (device === undefined) throw missing(`${disk} has no partition ${partition}`);
    return await mount(mounting, await readInfo(host, device, options), { assumed: type });
  }
  if (isUnpartitioned && target !== 'esp') return await mount(mounting, whole, { assumed: type });
  const infos: PartitionInfo[] = [];
  for (const device of partitions.values()) infos.push(await readInfo(host, device, options));
  if (target === 'esp') {
    const esp = infos.find(isEsp);
    if (esp === undefined) throw missing(`${disk} has no EFI system partition`);
    return await mount(mounting, esp, { assumed: type ?? 'vfat' });
  }
  return await mountRoot(mounting, disk, infos);
}

async function mountRoot(
  mounting: Mounting,
  disk: string,
  infos: readonly PartitionInfo[],
): Promise<Mounted> {
  const { space, options } = mounting;
  for (const info of infos) {
    const unreplayed = rootTypes.get(info.type ?? '');
    if (unreplayed === undefined) continue;
    // A look must not change a file system that is not meant.
    const { tree } = await mount(mounting, info, { how: ['ro', ...unreplayed] });
    const isMeant = await isRoot(tree);
    const subvolume = info.type === 'btrfs' ? await findSubvolume(tree) : undefined;
    await space.run('umount', [place], options);
    if (isMeant) return await mount(mounting, info);
    if (subvolume !== undefined) {
      return await mount(mounting, info, { how: [`subvol=${subvolume}`] });
    }
  }
  const volumes = infos.find(({ type }) => type === 'LVM2_member' || type === 'crypto_LUKS');
  throw missing(
    volumes === undefined
      ? `no partition of ${disk} has a system (etc/os-release)`
      : `the system on ${disk} is in ${volumes.device}, which is ${volumes.type ?? ''}: this agent looks into partitions alone`,
  );
}

async function mount(
  { space, purpose, options }: Mounting,
  info: PartitionInfo,
  {
    assumed,
    how = [],
  }: { readonly assumed?: string | undefined; readonly how?: readonly string[] } = {},
): Promise<Mounted> {
  const type = info.type ?? assumed;
  if (type === undefined) throw missing(`${info.device} has no file system`);
  const all = [...(purpose === 'files' ? ['nodev', 'nosuid'] : ['suid']), ...how].join(',');
  await space.run('mount', ['-t', type, '-o', all, info.device, place], options);
  return { info, space, place, tree: space.tree(place), isFat: type === 'vfat' };
}

async function isRoot(tree: Tree): Promise<boolean> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    if ((await tree.kind(path)) === 'file') return true;
  }
  return false;
}

async function findSubvolume(tree: Tree): Promise<string | undefined> {
  for (const name of subvolumes) {
    const hasRelease =
      (await tree.kind(`/${name}/usr/lib/os-release`)) === 'file' ||
      (await tree.kind(`/${name}/etc/os-release`)) !== undefined;
    if (hasRelease) return name;
  }
  return undefined;
}

function missing(reason: string): AppError {
  return new AppError('disk.mismatch', reason);
}
