// The system on a disk, mounted where nobody else sees it: its root, which may be a logical volume, its ESP, or a
// partition by number.
import { AppError } from '../../core/errors.ts';
import type { Host, RunOptions } from '../../sources/writing/host.ts';
import type { MountSpace } from '../../sources/writing/mount-space.ts';
import type { Tree } from '../../sources/writing/tree.ts';
import { reloadPartitions } from './nodes.ts';
import { isEsp, readInfo, type PartitionInfo } from './partition-info.ts';
import { Volumes } from './volumes.ts';

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
  /** The logical volumes of the disk, if its root is one. */
  readonly volumes: readonly PartitionInfo[];
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
  const volumes = new Volumes(host);
  const space = await host.openMounts();
  try {
    await space.run('mkdir', ['-p', place], options);
    const mounted = await mountWhere({ host, space, volumes, purpose, options }, disk, where);
    const result = await use(mounted);
    await space.run('umount', ['--recursive', place], options);
    await volumes.close();
    return result;
  } finally {
    await space.close();
    // The failure that came before is the one to tell.
    await volumes.close().catch(() => {});
  }
}

interface Mounting {
  readonly host: Host;
  readonly space: MountSpace;
  readonly volumes: Volumes;
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
    const info = await readInfo(host, device, options);
    if (info.type === 'LVM2_member') return await mountRoot(mounting, disk, [info]);
    return await mountNamed(mounting, info, type);
  }
  if (isUnpartitioned && target !== 'esp') {
    if (whole.type === 'LVM2_member') return await mountRoot(mounting, disk, [whole]);
    return await mountNamed(mounting, whole, type);
  }
  const infos: PartitionInfo[] = [];
  for (const device of partitions.values()) infos.push(await readInfo(host, device, options));
  if (target === 'esp') {
    const esp = infos.find(isEsp);
    if (esp === undefined) throw missing(`${disk} has no EFI system partition`);
    return await mount(mounting, esp, { assumed: type ?? 'vfat' });
  }
  return await mountRoot(mounting, disk, infos);
}

/** A file system that was named. One of btrfs shows what its system sees: the subvolume of its root, if it has one. */
async function mountNamed(
  mounting: Mounting,
  info: PartitionInfo,
  assumed: string | undefined,
): Promise<Mounted> {
  const root = info.type === 'btrfs' ? await findRoot(mounting, [info]) : undefined;
  return root ?? (await mount(mounting, info, { assumed }));
}

/** The root among partitions, else among the volumes on them. */
async function mountRoot(
  mounting: Mounting,
  disk: string,
  infos: readonly PartitionInfo[],
): Promise<Mounted> {
  const { volumes, options } = mounting;
  const found = await findRoot(mounting, infos);
  if (found !== undefined) return found;
  const members = infos.filter(({ type }) => type === 'LVM2_member').map(({ device }) => device);
  const inside = members.length === 0 ? [] : await volumes.open(members, options);
  const inVolume = await findRoot(mounting, inside);
  if (inVolume !== undefined) return { ...inVolume, volumes: inside };
  const locked = [...infos, ...inside].find(isEncrypted);
  if (locked !== undefined) throw encrypted(locked);
  const places = members.length === 0 ? '' : `, and no logical volume on ${members.join(', ')}`;
  throw missing(`no partition of ${disk}${places} has a system (etc/os-release)`);
}

async function findRoot(
  mounting: Mounting,
  infos: readonly PartitionInfo[],
): Promise<Mounted | undefined> {
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
  return undefined;
}

function isEncrypted({ type }: PartitionInfo): boolean {
  return type === 'crypto_LUKS';
}

function encrypted({ device }: PartitionInfo): AppError {
  return missing(
    `${device} is encrypted (LUKS), and the agent has no key: put the file into the image before it is encrypted, or on a partition that is not`,
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
  if (isEncrypted(info)) throw encrypted(info);
  const type = info.type ?? assumed;
  if (type === undefined) throw missing(`${info.device} has no file system`);
  const all = [...(purpose === 'files' ? ['nodev', 'nosuid'] : ['suid']), ...how].join(',');
  await space.run('mount', ['-t', type, '-o', all, info.device, place], options);
  return { info, volumes: [], space, place, tree: space.tree(place), isFat: type === 'vfat' };
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
