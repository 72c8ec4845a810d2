// Knows of prefixes that no key has, so that nobody looks for them: a new machine is looked for by ten clues that it does not
// have in common with any other. What was in the store before has to be read for that, which is done once it costs no
// more than the looks did that came to nothing.
import { nextTurn } from '../../core/turns.ts';
import { PrefixFilter } from './prefix-filter.ts';

/** A look that comes to nothing takes as long as reading so many keys. */
const keysInALook = 5;
/** The keys that are read in one turn of the event loop. */
const piece = 500;

export class KnownPrefixes {
  readonly #filter = new PrefixFilter();
  readonly #keysAfter: (after: string | undefined, limit: number) => readonly string[];
  /** Keys of which nothing is known until all are read. */
  #unread: number;
  #inVain = 0;
  #isReading = false;

  /** `unread`: the keys that are there already. `keysAfter` reads some of them, in order. */
  constructor(
    unread: number,
    keysAfter: (after: string | undefined, limit: number) => readonly string[],
  ) {
    this.#unread = unread;
    this.#keysAfter = keysAfter;
  }

  /** A key is about to be written. */
  written(key: string): void {
    this.#filter.add(key);
  }

  /** True if no key is known to have this prefix. */
  lack(prefix: string): boolean {
    return this.#unread === 0 && prefix.endsWith('/') && !this.#filter.mayHave(prefix);
  }

  /** Somebody looked for keys, and there was none. */
  lookedInVain(): void {
    if (this.#unread === 0 || this.#isReading) return;
    this.#inVain += 1;
    if (this.#inVain * keysInALook >= this.#unread) void this.#readAll();
  }

  /** All that were there at the beginning: those that came later were told. */
  async #readAll(): Promise<void> {
    this.#isReading = true;
    this.#inVain = 0;
    try {
      let last: string | undefined;
      do {
        await nextTurn();
        const keys = this.#keysAfter(last, piece);
        for (const key of keys) this.#filter.add(key);
        last = keys.at(-1);
      } while (last !== undefined);
      this.#unread = 0;
    } catch {
      // Whoever reads the store next finds out why. After as many looks again it is tried again.
    } finally {
      this.#isReading = false;
    }
  }
}
