// Finds the file systems on this machine's disks that may hold an installed system. A volume that may hide
// one and is not examined is a problem.
import type { Reading } from '../reading.ts';
import { mountedAt } from './os-files.ts';
import {
  btrfsRange,
  headRange,
  parseBtrfs,
  parseHead,
  parseOpaque,
  raidRange,
  type Superblock,
} from './superblock.ts';

/** A file system on a partition, a logical volume or a whole device. */
export interface Volume extends Superblock {
  device: string;
  /** Its mount point, if it is mounted; "" is the root itself. */
  mountedAt: string | undefined;
}

const base = '/sys/class/block';

const notVolumes = /^(loop|ram|zram|sr|fd|nbd|mtdblock)\d|^nvme\d+c\d+n\d+/;

/** The most volumes that are examined. A machine with more is a storage server that exports its disks. */
const maxVolumes = 64;

/** Undefined where devices cannot be listed.
 *  Source: /sys/class/block and the first pages of each device in it. */
export async function findVolumes(read: Reading): Promise<Volume[] | undefined> {
  const names = (await read.list(base))?.filter((name) => !notVolumes.test(name));
  if (names === undefined) return undefined;
  if (names.length > maxVolumes) {
    const message = `of ${names.length} volumes only the first ${maxVolumes} are looked into`;
    read.problem('read.too-large', base, message);
  }
  const mounts = mountedAt((await read.text('/proc/self/mountinfo')) ?? '');
  const volumes = await Promise.all(
    names.slice(0, maxVolumes).map(async (name) => {
      const device = `/dev/${name.replaceAll('!', '/')}`;
      const isPartition = names.some((other) => other !== name && name.startsWith(other));
      const superblock = await readSuperblock(read, { name, device, isPartition });
      const number = superblock && (await read.value(`${base}/${name}/dev`));
      return superblock && { ...superblock, device, mountedAt: mounts.get(number ?? '') };
    }),
  );
  return volumes.filter((volume) => volume !== undefined);
}

interface Device {
  /** In /sys/class/block, and in /dev. */
  name: string;
  device: string;
  isPartition: boolean;
}

async function readSuperblock(read: Reading, device: Device): Promise<Superblock | undefined> {
  const head = await readHead(read, device);
  if (head === undefined) return undefined;
  const found = parseHead(head);
  if (found !== undefined) return found;
  const page = await read.bytes(device.device, btrfsRange);
  const btrfs = page && parseBtrfs(page);
  if (btrfs === undefined) await reportOpaque(read, device, head);
  return btrfs;
}

/** The start of a device. A drive without a medium has none, and hides nothing. */
async function readHead(read: Reading, { name, device }: Device): Promise<Uint8Array | undefined> {
  const head = await read.quietly().bytes(device, headRange);
  if (head !== undefined) return head;
  if ((await read.number(`${base}/${name}/size`)) === 0) return undefined;
  if ((await read.bytes(device, headRange)) === undefined && !read.refused(device)) {
    read.problem('read.failed', device, `${device} is missing, though the kernel has it`);
  }
  return undefined;
}

/** Reports what may hide a system, unless the kernel has opened it: then it is a device of its own. A RAID
 *  that a system is installed on is made of partitions, as firmware boots from no other. */
async function reportOpaque(
  read: Reading,
  { name, device, isPartition }: Device,
  head: Uint8Array,
): Promise<void> {
  const page = isPartition ? await read.bytes(device, raidRange) : undefined;
  const what =
    parseOpaque({ ...headRange, bytes: head }) ??
    (page && parseOpaque({ ...raidRange, bytes: page }));
  if (what === undefined) return;
  const holders = await read.list(`${base}/${name}/holders`);
  if (holders !== undefined && holders.length > 0) return;
  const message = `${device} is ${what}, which is not looked into: a system may be installed on it`;
  read.problem('probe.opaque', device, message);
}
