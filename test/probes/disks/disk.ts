// Disks of a host that does not exist, as files of sysfs.
import type { Disk } from '../../../src/model/hardware/disk.ts';
import { read } from '../host.ts';
import type { Entry } from '../memory-root.ts';

export type Files = Record<string, Entry>;

export const ata = 'pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0';

export const nvme = 'pci0000:00/0000:00:1d.0/0000:3d:00.0/nvme/nvme0';

/** A disk of 1 GiB, with what a test cares for laid over it: files of the disk and of its device. */
export function disk(
  name: string,
  device: string,
  own: Readonly<Files> = {},
  of: Readonly<Files> = {},
): Files {
  const real = `/sys/devices/${device}/${device.includes('host') ? 'block/' : ''}${name}`;
  const usual = { size: '2097152\n', ro: '0\n', removable: '0\n', 'queue/rotational': '1\n' };
  return {
    [`/sys/block/${name}`]: { link: real },
    [`${real}/device`]: { link: `/sys/devices/${device}` },
    ...under(real, { ...usual, ...own }),
    ...under(`/sys/devices/${device}`, of),
  };
}

function under(dir: string, files: Readonly<Files>): Files {
  return Object.fromEntries(
    Object.entries(files).map(([name, entry]) => [`${dir}/${name}`, entry]),
  );
}

export async function only(files: Readonly<Files>): Promise<Disk> {
  const [first, ...more] = await read('disks', files);
  if (first === undefined || more.length > 0) throw new Error('expected one disk');
  return first;
}

/** A vital product data page: header, then text. */
export function vpd(page: number, text: string): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.of(0, page, 0, text.length), Buffer.from(text)]));
}
