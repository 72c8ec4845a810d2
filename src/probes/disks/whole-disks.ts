// The list of whole disks that the kernel has: no partitions, no loop, RAM or device-mapper devices.
import type { Reading } from '../reading.ts';

const base = '/sys/block';

/** Names of block devices that are not disks. */
const notDisks =
  /^(loop|ram|zram|dm-|md|sr|fd|nbd|rbd|drbd|bcache|zd|pmem|mtdblock)\d|^mmcblk\d+(boot\d|rpmb|gp\d)|^nvme\d+c\d+n\d+$/;

/** SCSI device types that are disks: direct access, RBC, host-managed zoned. */
const diskScsiTypes = new Set([0, 14, 20]);

export interface WholeDisk {
  /** In /sys/block. */
  name: string;
  /** The real path in /sys/devices. */
  path: string;
  bytes: number;
  /** The contents of its device directory. */
  entries: readonly string[];
  /** The kernel's devices for each path of an NVMe disk, which are hidden. */
  paths: readonly string[];
}

/** Undefined where they cannot be told: leaving out one of unknown size would claim that it is gone. */
export async function wholeDisks(read: Reading): Promise<WholeDisk[] | undefined> {
  const all = await read.list(base);
  if (all === undefined) return undefined;
  const names = all.filter((name) => !notDisks.test(name));
  const disks = await Promise.all(
    names.map(async (name) => {
      const disk = await readDisk(read, name);
      return disk && { ...disk, paths: all.filter((path) => wholeOf(path) === name) };
    }),
  );
  const needed = names.flatMap((name) => [`${base}/${name}`, `${base}/${name}/size`]);
  return read.refused(...needed) ? undefined : disks.filter((disk) => disk !== undefined);
}

/** "nvme0c1n2", a path of "nvme0n2" through controller 1; undefined for other names. */
function wholeOf(path: string): string | undefined {
  const [, subsystem, namespace] = /^(nvme\d+)c\d+(n\d+)$/.exec(path) ?? [];
  return subsystem === undefined ? undefined : `${subsystem}${namespace ?? ''}`;
}

async function readDisk(
  read: Reading,
  name: string,
): Promise<Omit<WholeDisk, 'paths'> | undefined> {
  const dir = `${base}/${name}`;
  const [path, sectors, hidden, entries = []] = await Promise.all([
    read.link(dir),
    read.number(`${dir}/size`),
    read.value(`${dir}/hidden`),
    read.list(`${dir}/device`),
  ]);
  if (path === undefined || !isHardware(path) || hidden === '1' || !sectors) return undefined;
  if (path.startsWith('/sys/devices/virtual/') && (await isLoopedBack(read, dir, entries))) {
    return undefined;
  }
  const scsiType = entries.includes('type') ? await read.number(`${dir}/device/type`) : undefined;
  if (scsiType !== undefined && !diskScsiTypes.has(scsiType)) return undefined;
  // The kernel counts sectors of 512 bytes, whatever the disk's own size is.
  return { name, path, bytes: sectors * 512, entries };
}

/** Not this machine's, though not under /devices/virtual: scsi_debug, targets that are looped back to their own host,
 *  USB devices made by software or lent by another host over the network. */
const software =
  /^\/sys\/devices\/(?:(?:pseudo_|tcm_loop_)\d+|platform\/(?:dummy|vhci)_hcd[.\d]*)\//;

/** True for a namespace that this host exports to itself. The device of a multipath disk is its subsystem. */
async function isLoopedBack(
  read: Reading,
  dir: string,
  entries: readonly string[],
): Promise<boolean> {
  const places = entries.includes('transport')
    ? ['transport']
    : entries.filter((name) => /^nvme\d+$/.test(name)).map((name) => `${name}/transport`);
  const transports = await Promise.all(places.map((place) => read.value(`${dir}/device/${place}`)));
  return transports.length > 0 && transports.every((transport) => transport === 'loop');
}

/** NVMe shows multipath and fabric disks under /devices/virtual; everything else there is software. */
function isHardware(path: string): boolean {
  if (software.test(path)) return false;
  return !path.startsWith('/sys/devices/virtual/') || path.startsWith('/sys/devices/virtual/nvme-');
}
