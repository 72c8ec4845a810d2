// Finds the file systems on this machine's disks that may hold an installed system: also on logical volumes and
// arrays that nobody has opened, where one part of one device has them. A volume that may hide one and is not
// examined is a problem.
import { readVolumeGroup, volumeGroupRange } from '../contents/volume-group.ts';
import type { Reading } from '../reading.ts';
import { placesWithin, reportHidden, type Hidden, type Place } from './inner.ts';
import { mountedAt } from './os-files.ts';
import {
  btrfsRange,
  headRange,
  isPartitioned,
  parseBtrfs,
  parseHead,
  parseHiding,
  secondRange,
  type Superblock,
} from './superblock.ts';

/** A file system on a partition, a logical volume or a whole device. */
export interface Volume extends Superblock, Place {
  /** Its mount point, if it is mounted; "" is the root itself. */
  mountedAt: string | undefined;
}

const base = '/sys/class/block';

const notVolumes = /^(loop|ram|zram|sr|fd|nbd|mtdblock)\d|^nvme\d+c\d+n\d+/;

/** The most volumes that are examined. A machine with more is a storage server that exports its disks. */
const maxVolumes = 64;
/** LVM on an array is two levels deep. What hides something deeper is a problem. */
const maxLevels = 3;

/** Undefined where devices cannot be listed.
 *  Source: /sys/class/block and the first pages of each device in it. */
export async function findVolumes(read: Reading): Promise<Volume[] | undefined> {
  const names = (await read.list(base))?.filter((name) => !notVolumes.test(name));
  if (names === undefined) return undefined;
  const mounts = mountedAt((await read.text('/proc/self/mountinfo')) ?? '');
  const volumes: Volume[] = [];
  let hidden: Hidden[] = [];
  const note = (looked: readonly (Volume | Hidden | undefined)[]): void => {
    volumes.push(...looked.filter((one) => one !== undefined && 'mountedAt' in one));
    hidden = looked.filter((one) => one !== undefined && 'what' in one);
  };
  const devices = few(read, names, 'volumes');
  note(await Promise.all(devices.map((name) => lookAtDevice(read, name, names, mounts))));
  for (let level = 0; level < maxLevels; level++) {
    const places = few(read, placesWithin(read, hidden), 'volumes within others');
    note(await Promise.all(places.map((place) => lookAt(read, place, undefined))));
  }
  for (const one of hidden) reportHidden(read, one);
  return volumes;
}

function few<T>(read: Reading, all: readonly T[], what: string): readonly T[] {
  if (all.length > maxVolumes) {
    const message = `of ${all.length} ${what} only the first ${maxVolumes} are looked into`;
    read.problem('read.too-large', base, message);
  }
  return all.slice(0, maxVolumes);
}

async function lookAtDevice(
  read: Reading,
  name: string,
  names: readonly string[],
  mounts: ReadonlyMap<string, string>,
): Promise<Volume | Hidden | undefined> {
  const device = `/dev/${name.replaceAll('!', '/')}`;
  const isPartition = names.some((other) => other !== name && name.startsWith(other));
  const place = { device, offset: 0, names: [device], order: 0, isHeld: false } as const;
  const head = await readHead(read, name, device);
  const kind = isPartition ? 'partition' : 'device';
  const found = await lookAt(read, { ...place, kind }, head ?? new Uint8Array());
  if (found === undefined) return undefined;
  if ('mountedAt' in found) {
    const number = await read.value(`${base}/${name}/dev`);
    return { ...found, mountedAt: mounts.get(number ?? '') };
  }
  const holders = await read.list(`${base}/${name}/holders`);
  const isHeld = holders !== undefined && holders.length > 0;
  return { ...found, place: { ...found.place, isHeld } };
}

/** The start of a device. A drive without a medium has none, and hides nothing. */
async function readHead(
  read: Reading,
  name: string,
  device: string,
): Promise<Uint8Array | undefined> {
  const head = await read.quietly().bytes(device, headRange);
  if (head !== undefined) return head;
  if ((await read.number(`${base}/${name}/size`)) === 0) return undefined;
  if ((await read.bytes(device, headRange)) === undefined && !read.refused(device)) {
    read.problem('read.failed', device, `${device} is missing, though the kernel has it`);
  }
  return undefined;
}

/** `known` is its start, where that was read before. */
async function lookAt(
  read: Reading,
  place: Place,
  known: Uint8Array | undefined,
): Promise<Volume | Hidden | undefined> {
  const head = known ?? (await readRange(read, place, headRange));
  if (head === undefined || head.length === 0) return undefined;
  const page = (): Promise<Uint8Array | undefined> => readRange(read, place, btrfsRange);
  const found = parseHead(head) ?? parseBtrfs((await page()) ?? new Uint8Array());
  if (found !== undefined) return { ...place, ...found, mountedAt: undefined };
  if (place.kind === 'array' && isPartitioned(head)) {
    const what = 'a RAID that is divided into partitions';
    return { place, what, array: undefined, member: undefined, group: undefined };
  }
  return await lookBehind(read, place, head);
}

/** A RAID that a system is installed on is made of partitions, as firmware boots from no other. */
async function lookBehind(
  read: Reading,
  place: Place,
  head: Uint8Array,
): Promise<Hidden | undefined> {
  const first = parseHiding({ ...headRange, bytes: head });
  const isRead = place.kind === 'partition' || first?.member !== undefined;
  const second = isRead ? await readRange(read, place, secondRange) : undefined;
  const piece = second && { ...secondRange, bytes: second };
  const array = place.kind === 'partition' && piece ? parseHiding(piece) : undefined;
  const found = array ?? first;
  if (found === undefined) return undefined;
  const metadata = found.member !== undefined && piece ? volumeGroupRange(piece) : undefined;
  const text = metadata && (await readRange(read, place, metadata.range));
  return { ...found, place, group: text && readVolumeGroup(text)?.group };
}

function readRange(
  read: Reading,
  { device, offset }: Place,
  range: { offset: number; length: number },
): Promise<Uint8Array | undefined> {
  return read.bytes(device, { ...range, offset: offset + range.offset });
}
