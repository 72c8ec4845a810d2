import { describe, expect, it } from 'vitest';
import { Zeroing } from '../../../src/actions/image/zeroing.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

function zeroing(bytesPerSecond: number, endBytes = 100 * GiB, startBytes = 0) {
  const clock = new ManualClock(new Date(0));
  const ranges: (readonly [number, number])[] = [];
  const made = new Zeroing(
    async (offset, length) => {
      ranges.push([offset, length]);
      await clock.advance((length / bytesPerSecond) * 1_000);
    },
    { startBytes, endBytes },
    clock,
  );
  return { disk: made, ranges };
}

/** The end of what was zeroed, from the start of the disk on. */
function zeroedTo(disk: Zeroing): number | undefined {
  return [...disk.uncovered(0, Infinity)][0]?.[0];
}

describe('zeroing a disk ahead of what is written', () => {
  it('goes no further than it must', async () => {
    const { disk, ranges } = zeroing(10 * GiB);
    await disk.reach(MiB);
    await disk.reach(60 * MiB);
    expect(ranges).toEqual([[0, 64 * MiB]]);
    await disk.reach(2 * GiB);
    expect(zeroedTo(disk)).toBe(2 * GiB + 64 * MiB);
  });

  it('leaves alone what is before its start', async () => {
    const { disk, ranges } = zeroing(10 * GiB, GiB, 5 * MiB);
    await disk.reach(5 * MiB);
    await disk.reach(6 * MiB);
    expect(ranges).toEqual([[5 * MiB, 64 * MiB]]);
    const covered = [4, 5, 68, 69].map((at) => disk.covers(at * MiB, (at + 1) * MiB));
    expect(covered).toEqual([false, true, true, false]);
    const all = [...disk.uncovered(MiB, GiB)];
    expect(all).toEqual([
      [MiB, 5 * MiB],
      [69 * MiB, GiB],
    ]);
    expect([...disk.uncovered(5 * MiB, 69 * MiB)]).toEqual([]);
  });

  it('ends with the disk', async () => {
    const { disk } = zeroing(10 * GiB, GiB + 512);
    await disk.reach(5 * GiB);
    expect(zeroedTo(disk)).toBe(GiB + 512);
  });

  it('stops where the disk writes the zeroes itself, which takes as long', async () => {
    const { disk, ranges } = zeroing(150 * MiB);
    await disk.reach(50 * GiB);
    expect([ranges.length, zeroedTo(disk)]).toEqual([2, GiB + 64 * MiB]);
  });

  it('stops where the disk cannot', async () => {
    const disk = new Zeroing(
      () => Promise.reject(new AppError('exec.failed', 'fallocate failed')),
      { endBytes: GiB },
      new ManualClock(new Date(0)),
    );
    await disk.reach(GiB);
    expect(zeroedTo(disk)).toBe(0);
  });

  it('does not take the abortion of its program for that', async () => {
    const disk = new Zeroing(
      () => Promise.reject(new Error('cancelled')),
      { endBytes: GiB },
      new ManualClock(new Date(0)),
    );
    await expect(disk.reach(GiB)).rejects.toThrow('cancelled');
  });
});
