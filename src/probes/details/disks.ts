// The disks in detail: firmware, sectors, partitions with their file systems.
import type { DiskDetails, Partition } from '../../model/details.ts';
import { parseUdevData, decodeUdev } from '../disks/udev-data.ts';
import { wholeDisks, type WholeDisk } from '../disks/whole-disks.ts';
import { mountedAt } from '../installed-os/os-files.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import { baseName } from '../sysfs/base-name.ts';

const base = '/sys/block';

/** Source: /sys/block; /run/udev/data for what a partition holds; /proc/self/mountinfo. */
export const diskDetailsProbe: Probe<'diskDetails'> = {
  name: 'diskDetails',
  async read(root, report) {
    const read = new Reading(root, 'diskDetails', report);
    const [disks, mountinfo] = await Promise.all([
      wholeDisks(read),
      read.text('/proc/self/mountinfo'),
    ]);
    const mounts = mountedAt(mountinfo ?? '');
    return disks && (await Promise.all(disks.map((disk) => readDisk(read, disk, mounts))));
  },
};

async function readDisk(
  read: Reading,
  { name, entries }: WholeDisk,
  mounts: ReadonlyMap<string, string>,
): Promise<DiskDetails> {
  const dir = `${base}/${name}`;
  const file = ['firmware_rev', 'rev', 'fwrev'].find((one) => entries.includes(one));
  const [firmware, logical, physical, names = []] = await Promise.all([
    file === undefined ? undefined : read.value(`${dir}/device/${file}`),
    read.number(`${dir}/queue/logical_block_size`),
    read.number(`${dir}/queue/physical_block_size`),
    read.list(dir),
  ]);
  const partitions = names.filter((one) => new RegExp(`^${name}p?\\d+$`).test(one));
  return {
    device: deviceOf(name),
    firmware: firmware ?? null,
    logical_sector_bytes: logical ?? null,
    physical_sector_bytes: physical ?? null,
    partitions: (
      await Promise.all(partitions.map((one) => readPartition(read, `${dir}/${one}`, mounts)))
    ).toSorted((a, b) => (a.start_bytes ?? 0) - (b.start_bytes ?? 0)),
  };
}

async function readPartition(
  read: Reading,
  dir: string,
  mounts: ReadonlyMap<string, string>,
): Promise<Partition> {
  const [number, start, sectors] = await Promise.all([
    read.value(`${dir}/dev`),
    read.number(`${dir}/start`),
    read.number(`${dir}/size`),
  ]);
  const isNumber = number !== undefined && /^\d+:\d+$/.test(number);
  const udev = parseUdevData((isNumber && (await read.text(`/run/udev/data/b${number}`))) || '');
  const text = (key: string): string | null => {
    const value = udev.get(`${key}_ENC`) ?? udev.get(key);
    return value === undefined ? null : decodeUdev(value);
  };
  const point = mounts.get(number ?? '');
  return {
    device: deviceOf(baseName(dir)),
    start_bytes: start === undefined ? null : start * 512,
    size_bytes: sectors === undefined ? null : sectors * 512,
    filesystem: udev.get('ID_FS_TYPE') ?? null,
    label: text('ID_FS_LABEL'),
    uuid: text('ID_FS_UUID'),
    mounted_at: point === '' ? '/' : (point ?? null),
  };
}

function deviceOf(name: string): string {
  return `/dev/${name.replaceAll('!', '/')}`;
}
