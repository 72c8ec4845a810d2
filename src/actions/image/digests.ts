// The digests that a disk must read as: a number for each MiB of it, made as the MiB is written, in parts and in any
// order. It tells a disk that lost or mixed up what was written, and is no defence against forgery.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

const blockBytes = 1024 * 1024;
const chunkBlocks = 65_536;

export class Digests {
  /** The size digested at once. Parts that are written are multiples of it, or reach to the end. */
  readonly unitBytes: number;
  readonly #zeroUnit: Buffer;
  readonly #zeroCrc: number;
  #chunks: Uint32Array[] = [];

  constructor(unitBytes: number) {
    this.unitBytes = unitBytes;
    this.#zeroUnit = Buffer.alloc(unitBytes);
    this.#zeroCrc = crc32(this.#zeroUnit);
  }

  /** Notes that units from `offset` on now hold `bytes`, where zeroes were before. */
  written(offset: number, bytes: Buffer): void {
    const chunk = this.#chunkOf(offset);
    const index = Math.floor(offset / blockBytes) % chunkBlocks;
    chunk[index] = ((chunk[index] ?? 0) + this.of(offset, bytes)) >>> 0;
  }

  /** The amount that units from `offset` on, within one MiB, add to the number of a MiB of zeroes. */
  of(offset: number, bytes: Buffer): number {
    let sum = 0;
    for (let at = 0; at < bytes.length; at += this.unitBytes) {
      const unit = bytes.subarray(at, at + this.unitBytes);
      const zero =
        unit.length === this.unitBytes
          ? this.#zeroCrc
          : crc32(this.#zeroUnit.subarray(0, unit.length));
      const crc = crc32(unit);
      // Odd, and another one for each place: units that change places are noticed.
      const place = Math.imul((offset + at) / this.unitBytes, 0x9e3779b1) | 1;
      if (crc !== zero) sum = (sum + Math.imul(crc - zero, place)) >>> 0;
    }
    return sum;
  }

  /** True if the MiB at `offset` is as it was written. */
  matches(offset: number, bytes: Buffer): boolean {
    const index = Math.floor(offset / blockBytes) % chunkBlocks;
    return this.of(offset, bytes) === (this.#chunkOf(offset)[index] ?? 0);
  }

  /** One digest of the whole MiB from one offset to another, as far as they are written. */
  seal(fromBytes: number, toBytes: number): string {
    const hash = createHash('sha256');
    for (let at = fromBytes; at < toBytes;) {
      const first = Math.floor(at / blockBytes) % chunkBlocks;
      const length = Math.min(chunkBlocks - first, Math.ceil((toBytes - at) / blockBytes));
      hash.update(this.#chunkOf(at).subarray(first, first + length));
      at += length * blockBytes;
    }
    return hash.digest('hex');
  }

  #chunkOf(offset: number): Uint32Array {
    const number = Math.floor(offset / blockBytes / chunkBlocks);
    while (this.#chunks.length <= number) this.#chunks.push(new Uint32Array(chunkBlocks));
    return this.#chunks[number] ?? new Uint32Array(chunkBlocks);
  }
}
