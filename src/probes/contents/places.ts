// The places of a device that tell what it holds. Pure.

export interface Range {
  readonly offset: number;
  readonly length: number;
}

const kib = 1024;
const mib = 1024 * kib;
const page = 4 * kib;

/** Everything that is recognised stands in one of these. Beside the start: the second label of ZFS, VMFS; near
 *  the end: ZFS's other two, md's superblocks 0.90 and 1.0, copies of partition tables, BIOS RAID, DRBD.
 *  Source: the formats' own documents; the last piece begins where md 1.0 does. */
export function tellingPlaces(size: number): Range[] {
  const zfsEnd = down(size, 256 * kib);
  const last = down(size - 2 * page, page);
  return within(size, [
    { offset: 0, length: 36 * kib },
    { offset: 60 * kib, length: 12 * kib },
    { offset: (256 + 16) * kib, length: page },
    { offset: mib, length: page },
    { offset: 2 * mib, length: page },
    { offset: zfsEnd - (512 - 16) * kib, length: page },
    { offset: zfsEnd - (256 - 16) * kib, length: page },
    { offset: down(size, 64 * kib) - 64 * kib, length: page },
    { offset: last, length: size - last },
  ]);
}

/** The number of places that tell whether a device without a signature is blank: a third of a second on a hard disk. */
const samples = 32;
const sampleLength = 16 * kib;

/** Places spread evenly over a device. */
export function sampledPlaces(size: number): Range[] {
  const step = Math.floor(size / (samples + 1));
  return within(
    size,
    Array.from({ length: samples }, (_, i) => ({
      offset: down(step * (i + 1), page),
      length: sampleLength,
    })),
  );
}

function down(value: number, unit: number): number {
  return Math.floor(value / unit) * unit;
}

/** Those that are on the device, each once. */
function within(size: number, places: readonly Range[]): Range[] {
  const fitting = new Map<number, Range>();
  for (const { offset, length } of places) {
    if (offset >= 0 && offset < size && !fitting.has(offset)) {
      fitting.set(offset, { offset, length: Math.min(length, size - offset) });
    }
  }
  return [...fitting.values()];
}
