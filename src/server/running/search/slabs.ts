// Memory for blocks, taken from the system in pieces so large that all of it goes back once nothing uses them. Blocks that
// are allocated one by one stay with the process for ever.
import { blockBytes } from './block.ts';

/** More than malloc ever takes from its heap, which only shrinks at its end. What is not written to takes no memory.
 *  Source: mallopt(3), M_MMAP_THRESHOLD. */
const slabBytes = 33 * 1024 * 1024;

export class Slabs {
  #slab = Buffer.alloc(0);
  #used = 0;
  readonly #free: Buffer[] = [];

  /** The memory of a block, with anything in it. */
  take(): Buffer {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#used + blockBytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const block = this.#slab.subarray(this.#used, this.#used + blockBytes);
    this.#used += blockBytes;
    return block;
  }

  /** Takes back the memory of a block. */
  give(block: Buffer): void {
    this.#free.push(block);
  }
}
