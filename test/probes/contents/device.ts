// Devices for tests: a disk of any size with something at a few places, and the files that the kernel shows
// for it.
import type { Entry } from '../memory-root.ts';

/** Bytes at a position of a device; counted from its end where it is negative. */
export type Written = readonly [at: number, bytes: string | Uint8Array];

/** A device of `size` bytes that is blank but for what is written. */
export function device(size: number, ...written: readonly Written[]): Entry {
  return {
    range({ offset, length }) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      for (const [place, content] of written) {
        const at = (place < 0 ? size + place : place) - offset;
        const source = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
        for (const [i, byte] of source.entries()) {
          if (at + i >= 0 && at + i < bytes.length) bytes[at + i] = byte;
        }
      }
      return bytes;
    },
  };
}

/** The files of a SATA disk with partitions, by their names and sizes. */
export function diskFiles(
  name: string,
  size: number,
  partitions: Readonly<Record<string, number>> = {},
): Record<string, Entry> {
  const dir = `/sys/devices/pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block/${name}`;
  return {
    [`/sys/block/${name}`]: { link: dir },
    [`${dir}/size`]: `${size / 512}\n`,
    ...Object.fromEntries(
      Object.entries(partitions).map(([part, bytes]) => [
        `${dir}/${part}/size`,
        `${bytes / 512}\n`,
      ]),
    ),
  };
}
