// The stack that the kernel has built on a disk: its partitions, and the arrays, volumes, file systems and swap
// on those.
import type { Root } from '../../sources/root.ts';

export interface BlockNode {
  /** "sda1", "dm-0", "md127" */
  readonly name: string;
  readonly kind: 'disk' | 'partition' | 'crypt' | 'lvm' | 'md' | 'bcache' | 'other';
  /** For device-mapper: the name that its tools know it by. */
  readonly mapped: string | undefined;
  /** Directories where it is mounted, the last mount last. */
  readonly mounts: readonly string[];
  readonly isSwap: boolean;
  /** The devices that it is built on. */
  readonly parts: readonly string[];
  /** The devices built on it. */
  readonly users: readonly BlockNode[];
}

/** A disk with its partitions as users, and what is on those.
 *  Source: /sys/class/block/<name>/{holders,slaves,dm,partition}, /proc/self/mountinfo, /proc/swaps. */
export async function readStack(root: Root, disk: string): Promise<BlockNode> {
  const [mountinfo = '', swaps = ''] = await Promise.all([
    root.text('/proc/self/mountinfo'),
    root.text('/proc/swaps'),
  ]);
  return await readNode(root, disk, { mounts: mountsByDevice(mountinfo), swaps }, 0);
}

export function deviceOf(name: string): string {
  return `/dev/${name.replaceAll('!', '/')}`;
}

/** The kernel's name of a device file: "/dev/cciss/c0d0" → "cciss!c0d0". */
export function nameOf(device: string): string {
  return device.replace(/^\/dev\//, '').replaceAll('/', '!');
}

/** A partition as the kernel has it. */
export interface KernelPartition {
  /** "sda2", "nvme0n1p2" */
  readonly name: string;
  readonly number: number;
  /** In sectors of 512 bytes, on every disk. */
  readonly start: number;
  readonly sectors: number;
  /** "MAJOR:MINOR" */
  readonly device: string | undefined;
}

/** The partitions of a disk by number. Asked of the kernel, as the rule by which they are named differs.
 *  Source: /sys/class/block/<disk>/<partition>/{partition,start,size,dev}. */
export async function readPartitions(
  root: Root,
  disk: string,
): Promise<readonly KernelPartition[]> {
  const directory = `/sys/class/block/${disk}`;
  const children = ((await root.list(directory)) ?? []).filter((name) => name.startsWith(disk));
  const found = await Promise.all(
    children.map(async (name) => {
      const [number, start, sectors, device] = await Promise.all(
        ['partition', 'start', 'size', 'dev'].map((file) =>
          root.text(`${directory}/${name}/${file}`),
        ),
      );
      return {
        name,
        number: Number(number ?? NaN),
        start: Number(start),
        sectors: Number(sectors),
        device: device?.trim(),
      };
    }),
  );
  return found
    .filter(({ number }) => !Number.isNaN(number))
    .toSorted((a, b) => a.number - b.number);
}

interface Uses {
  readonly mounts: ReadonlyMap<string, readonly string[]>;
  readonly swaps: string;
}

async function readNode(root: Root, name: string, uses: Uses, depth: number): Promise<BlockNode> {
  const directory = `/sys/class/block/${name}`;
  const [holders = [], parts = [], number, uuid, mapped, partition] = await Promise.all([
    root.list(`${directory}/holders`),
    root.list(`${directory}/slaves`),
    root.text(`${directory}/dev`),
    root.text(`${directory}/dm/uuid`),
    root.text(`${directory}/dm/name`),
    root.text(`${directory}/partition`),
  ]);
  const called = [number?.trim() ?? '', deviceOf(name), `/dev/mapper/${mapped?.trim() ?? ''}`];
  const partitions = partition === undefined ? await readPartitions(root, name) : [];
  const names = [...partitions.map((p) => p.name), ...holders];
  // Deeper than anybody builds, lest a broken /sys lead in circles.
  const users =
    depth > 16 ? [] : await Promise.all(names.map((n) => readNode(root, n, uses, depth + 1)));
  return {
    name,
    kind: kindOf(name, uuid?.trim(), partition !== undefined),
    mapped: mapped?.trim(),
    mounts: [...new Set(called.flatMap((one) => uses.mounts.get(one) ?? []))],
    isSwap: uses.swaps.split('\n').some((line) => line.split(/\s/)[0] === deviceOf(name)),
    parts,
    users,
  };
}

function kindOf(name: string, uuid: string | undefined, isPartition: boolean): BlockNode['kind'] {
  if (isPartition) return 'partition';
  if (name.startsWith('md')) return 'md';
  if (name.startsWith('bcache')) return 'bcache';
  if (uuid?.startsWith('CRYPT-')) return 'crypt';
  if (uuid?.startsWith('LVM-')) return 'lvm';
  return name.startsWith('dm-') ? 'other' : 'disk';
}

/** By "MAJOR:MINOR" and by device file: a btrfs has a number of its own, which is no device's. */
function mountsByDevice(mountinfo: string): Map<string, string[]> {
  const mounts = new Map<string, string[]>();
  for (const line of mountinfo.split('\n')) {
    const [, , device, , target] = line.split(' ');
    const [, source] = / - \S+ (\/dev\/\S+)/.exec(line) ?? [];
    if (device === undefined || target === undefined) continue;
    const path = target.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    for (const key of new Set([device, source ?? device])) {
      mounts.set(key, [...(mounts.get(key) ?? []), path]);
    }
  }
  return mounts;
}
