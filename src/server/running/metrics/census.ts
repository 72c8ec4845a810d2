// Counts over all documents of a kind: read once, then kept by reading again what changed.
import { isAppError } from '../../../core/errors.ts';
import { nextTurn } from '../../../core/turns.ts';
import type { Collection } from '../../../store/store.ts';

/** With more changes than this since the last answer all are read anew. */
const mostChanges = 10_000;

export class Census<T extends object, V> {
  readonly #collection: Pick<Collection<T>, 'get' | 'all'>;
  readonly #nameOf: (document: T) => string;
  readonly #valueOf: (document: T) => V;
  /** undefined: nothing is known. */
  #values: Map<string, V> | undefined;
  readonly #changed = new Set<string>();
  #counting: Promise<void> = Promise.resolve();
  /** False: nobody says what changes, and all are read each time. */
  isWatched = true;

  /** `valueOf`: what is kept of a document. */
  constructor(
    collection: Pick<Collection<T>, 'get' | 'all'>,
    nameOf: (document: T) => string,
    valueOf: (document: T) => V,
  ) {
    this.#collection = collection;
    this.#nameOf = nameOf;
    this.#valueOf = valueOf;
  }

  /** A document was written or deleted; undefined: any may have been. */
  changed(name: string | undefined): void {
    if (this.#values === undefined) return;
    if (name === undefined || this.#changed.size >= mostChanges) this.#forget();
    else this.#changed.add(name);
  }

  /** The values by name, as of now. Errors: those of the store. */
  async all(): Promise<ReadonlyMap<string, V>> {
    // One at a time, each from where the one before it left off.
    const counting = this.#counting.then(() => this.#bringUpToDate());
    this.#counting = counting.catch(() => {});
    await counting;
    return this.#values ?? new Map();
  }

  async #bringUpToDate(): Promise<void> {
    if (this.#values === undefined || !this.isWatched) return this.#readAll();
    for (const name of this.#changed) {
      this.#changed.delete(name);
      await this.#readAgain(name);
      await nextTurn();
    }
  }

  async #readAgain(name: string): Promise<void> {
    try {
      const found = await this.#collection.get(name);
      if (found === undefined) this.#values?.delete(name);
      else this.#values?.set(name, this.#valueOf(found.value));
    } catch (err) {
      if (isAppError(err, 'store.damaged')) this.#values?.delete(name);
      else {
        this.#forget();
        throw err;
      }
    }
  }

  async #readAll(): Promise<void> {
    this.#changed.clear();
    // From now on changes are noted, also those of documents that were read already.
    const values = new Map<string, V>();
    this.#values = values;
    try {
      for await (const { value } of this.#collection.all()) {
        values.set(this.#nameOf(value), this.#valueOf(value));
      }
    } catch (err) {
      this.#forget();
      throw err;
    }
    if (this.isWatched && this.#changed.size > 0) await this.#bringUpToDate();
  }

  #forget(): void {
    this.#values = undefined;
    this.#changed.clear();
  }
}
