// Counts over all documents of a kind: what is counted of each is kept in memory.
import type { Collection } from '../../../store/store.ts';
import { Followed } from '../followed.ts';

export class Census<T extends object, V> extends Followed<T> {
  readonly #valueOf: (document: T) => V;
  #values = new Map<string, V>();

  /** `valueOf`: what is kept of a document. */
  constructor(
    collection: Pick<Collection<T>, 'get' | 'list'>,
    nameOf: (document: T) => string,
    valueOf: (document: T) => V,
  ) {
    super(collection, nameOf);
    this.#valueOf = valueOf;
  }

  /** The values by name, as of now. Errors: those of the store. */
  async all(): Promise<ReadonlyMap<string, V>> {
    await this.upToDate();
    return this.#values;
  }

  protected get size(): number {
    return this.#values.size;
  }

  protected keep(name: string, document: T | undefined): void {
    if (document === undefined) this.#values.delete(name);
    else this.#values.set(name, this.#valueOf(document));
  }

  protected drop(name: string): void {
    this.#values.delete(name);
  }

  protected clear(): void {
    this.#values = new Map();
  }
}
