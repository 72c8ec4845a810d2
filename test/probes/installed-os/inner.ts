// Disks with a system on a logical volume or a mirror, built byte by byte.
import { memberIds, volumeText } from '../contents/lvm.ts';
import { device, type Written } from '../contents/device.ts';
import type { Entry } from '../memory-root.ts';

export const mib = 2 ** 20;

const size = 512 * mib;

export const id = '0123456789abcdef0123456789abcdef';

export const firstUuid = '10111213-1415-1617-1819-1a1b1c1d1e1f';

type Files = Record<string, Entry>;

export function words(length: number, at: Readonly<Record<number, number>>): Buffer {
  const bytes = Buffer.alloc(length);
  for (const [place, value] of Object.entries(at)) bytes.writeUInt32LE(value, Number(place));
  return bytes;
}

export function ext4(at: number, first = 0x10): Written[] {
  const uuid = Uint8Array.from({ length: 16 }, (_, i) => first + i);
  return [
    [at + 1024 + 56, '\u0053\u00ef'],
    [at + 1024 + 104, uuid],
  ];
}

/** A member of the volume group, whose metadata is this text. */
export function member(number: 0 | 1, text: string, at = 0): Written[] {
  const id32 = (memberIds[number] ?? '').replaceAll('-', '');
  const area = words(64, { 20: 1, 24: 4096, 32: mib - 4096, 40: 512, 48: text.length });
  area.write(' LVM2 x[5A%r0N*>', 4, 'latin1');
  return [
    [at + 512, `LABELONE\u0001\0\0\0\0\0\0\0\0\0\0\0\u0020\0\0\0LVM2 001${id32}`],
    [at + 4096, area],
    [at + 4608, text],
  ];
}

export function partitions(...all: readonly (readonly Written[])[]): Files {
  const files: Files = { '/etc/dragonfly-image': '{}', '/sys/class/block/sda/size': '1\n' };
  files['/dev/sda'] = device(size);
  for (const [i, written] of all.entries()) {
    files[`/sys/class/block/sda${i + 1}/size`] = `${size / 512}\n`;
    files[`/dev/sda${i + 1}`] = device(size, ...written);
  }
  return files;
}

/** The commands that examine a volume of a partition, and what they find there. */
export function examined(partition: string, offset: number): { files: Files; commands: Files } {
  const at = `/run/dragonfly/probe/${partition}@${offset}`;
  return {
    files: { [`${at}/etc/os-release`]: 'NAME=Debian\n', [`${at}/etc/machine-id`]: `${id}\n` },
    commands: {
      'losetup -f': '/dev/loop3\n',
      [`losetup -r -o ${offset} /dev/loop3 /dev/${partition}`]: '',
      [`mkdir -p ${at}`]: '',
      [`mount -t ext4 -o ro,noload,nodev,nosuid,noexec /dev/loop3 ${at}`]: '',
      [`umount ${at}`]: '',
      'losetup -d /dev/loop3': '',
    },
  };
}

export const extent = 4 * mib;

export const root = volumeText('root', [['pv0', 2]]);

export const rootAt = mib + 2 * extent;
