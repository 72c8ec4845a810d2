// The texts and times of all machines, in blocks that are in the order of the machines' names.
import { nextTurn } from '../../../core/turns.ts';
import { Block, blockBytes, type Kept, type Mark } from './block.ts';
import { Slabs } from './slabs.ts';

/** Searched in one turn of the event loop, which takes a millisecond or two. Units: blocks. */
const atOnce = (2 * 1024 * 1024) / blockBytes;

export class Blocks {
  readonly #all: Block[] = [];
  readonly #slabs = new Slabs();

  get bytes(): number {
    return this.#all.length * blockBytes;
  }

  /** The number of machines. */
  get size(): number {
    return this.#all.reduce((sum, block) => sum + block.size, 0);
  }

  /** `kept` undefined: nobody can say what its texts and times are. */
  set(name: string, kept: Kept | undefined): void {
    const at = this.#at(name);
    const block = this.#all[at];
    if (block?.set(name, kept) === true) return;
    // Machines come in their order at first, and new ones are the last: those blocks get full.
    const isLast = at === this.#all.length - 1 && name > (block?.last ?? '');
    const bytes = this.#slabs.take();
    this.#all.splice(
      at + 1,
      0,
      block === undefined || isLast ? new Block(bytes) : block.split(bytes),
    );
    this.set(name, kept);
  }

  delete(name: string): void {
    const at = this.#at(name);
    const block = this.#all[at];
    block?.delete(name);
    if (block?.size !== 0) return;
    this.#all.splice(at, 1);
    this.#slabs.give(block.bytes);
  }

  /** The first machines after a name for which all terms hold, or may hold: up to `limit`. */
  async find(
    terms: readonly Mark[],
    after: string | undefined,
    limit: number,
  ): Promise<readonly string[]> {
    const found: string[] = [];
    let [reached, searched] = [after, 0];
    for (;;) {
      const block = this.#after(reached);
      if (block === undefined) return found;
      found.push(...block.find(terms, reached));
      if (found.length >= limit) return found.slice(0, limit);
      reached = block.last;
      searched += 1;
      if (searched % atOnce === 0) await nextTurn();
    }
  }

  /** The block with the first machine after a name: looked up each time, as blocks come and go between turns. */
  #after(name: string | undefined): Block | undefined {
    if (name === undefined) return this.#all[0];
    const at = this.#at(name);
    const block = this.#all[at];
    return block === undefined || block.last > name ? block : this.#all[at + 1];
  }

  /** The block that a name is in, or belongs in: the last one that begins at or before it. */
  #at(name: string): number {
    let [low, high] = [0, this.#all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#all[middle]?.first ?? '') <= name) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}
