// Makes a disk read as zeroes ahead of what is written to it, where the disk can do that faster than by
// writing them. Nothing else promises it: what a mere discard leaves behind may be old data.
import type { Clock } from '../../core/clock.ts';
import { isAppError } from '../../core/errors.ts';

/** Zeroes a part of a disk with a guarantee, or fails where the disk has no way to but to write.
 *  In practice: fallocate(1) --punch-hole, which asks a block device for BLKDEV_ZERO_NOFALLBACK. */
export type ZeroRange = (offset: number, length: number) => Promise<void>;

const firstSliceBytes = 64 * 1024 * 1024;
const sliceBytes = 1024 * 1024 * 1024;
/** A disk that takes longer writes the zeroes, which is better left to when they are wanted. */
const worthwhileBytesPerSecond = 512 * 1024 * 1024;

export class Zeroing {
  readonly #zero: ZeroRange;
  readonly #clock: Clock;
  readonly #startBytes: number;
  readonly #endBytes: number;
  /** Everything from the start to here reads as zeroes unless it was written since. */
  #zeroedTo: number;
  #goesOn = true;

  /** Nothing is zeroed before `startBytes`, and from `endBytes` on. */
  constructor(
    zero: ZeroRange,
    { startBytes = 0, endBytes }: { readonly startBytes?: number; readonly endBytes: number },
    clock: Clock,
  ) {
    this.#zero = zero;
    this.#startBytes = startBytes;
    this.#zeroedTo = startBytes;
    this.#endBytes = endBytes;
    this.#clock = clock;
  }

  /** True if a part of the disk reads as zeroes unless it was written since. */
  covers(offset: number, endBytes: number): boolean {
    return offset >= this.#startBytes && endBytes <= this.#zeroedTo;
  }

  /** The parts of a part of the disk that this does not cover. */
  *uncovered(offset: number, endBytes: number): Generator<readonly [number, number]> {
    const before = Math.min(endBytes, this.#startBytes);
    if (offset < before) yield [offset, before];
    const behind = Math.max(offset, this.#zeroedTo);
    if (behind < endBytes) yield [behind, endBytes];
  }

  /** Tries to have everything before `offset` zeroed. */
  async reach(offset: number): Promise<void> {
    while (this.#goesOn && this.#zeroedTo < Math.min(offset, this.#endBytes)) {
      const wanted = this.#zeroedTo === this.#startBytes ? firstSliceBytes : sliceBytes;
      const length = Math.min(wanted, this.#endBytes - this.#zeroedTo);
      const startMs = this.#clock.elapsedMs();
      try {
        await this.#zero(this.#zeroedTo, length);
      } catch (err) {
        if (!isAppError(err, 'exec.failed') && !isAppError(err, 'exec.missing')) throw err;
        this.#goesOn = false;
        return;
      }
      this.#zeroedTo += length;
      const seconds = (this.#clock.elapsedMs() - startMs) / 1_000;
      // A program may take a second to start on a busy machine.
      if (seconds > 1 + length / worthwhileBytesPerSecond) this.#goesOn = false;
    }
  }
}
