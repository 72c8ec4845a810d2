// The tags of all machines and how many have each: counted once, then kept by reading again what changed.
import type { Store } from '../../store/store.ts';
import { nextTurn } from '../../core/turns.ts';

/** With more changes than this since the last answer all are counted anew. */
const mostChanges = 10_000;

export class TagCounts {
  readonly #store: Store;
  readonly #counts = new Map<string, number>();
  /** The tags by machine, for machines that have some; undefined until they were counted. */
  #tagsOf: Map<string, readonly string[]> | undefined;
  readonly #changed = new Set<string>();
  #counting: Promise<void> = Promise.resolve();
  #isWatched = true;

  constructor(store: Store) {
    this.#store = store;
  }

  /** A machine was written or deleted; undefined: any may have been. */
  changed(machineId: string | undefined): void {
    if (this.#tagsOf === undefined) return;
    if (machineId === undefined || this.#changed.size >= mostChanges) this.#forget();
    else this.#changed.add(machineId);
  }

  /** Nobody will say what changes: from now on all are counted each time. */
  unwatched(): void {
    this.#isWatched = false;
  }

  /** Each tag with its number of machines, in the order of the tags. Errors: those of the store. */
  async all(): Promise<readonly (readonly [tag: string, machines: number])[]> {
    // One count at a time, each from where the one before it left off.
    const counting = this.#counting.then(() => this.#bringUpToDate());
    this.#counting = counting.catch(() => {});
    await counting;
    return [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  async #bringUpToDate(): Promise<void> {
    if (this.#tagsOf === undefined || !this.#isWatched) return this.#countAll();
    for (const id of this.#changed) {
      this.#changed.delete(id);
      const machine = await this.#store.machines.get(id).catch((err: unknown) => {
        this.#forget();
        throw err;
      });
      this.#set(id, machine?.value.config.tags ?? []);
      await nextTurn();
    }
  }

  async #countAll(): Promise<void> {
    this.#forget();
    // From now on changes are noted, also those of machines that were read already.
    this.#tagsOf = new Map();
    try {
      for await (const { value } of this.#store.machines.all())
        this.#set(value.id, value.config.tags);
    } catch (err) {
      this.#forget();
      throw err;
    }
    if (this.#isWatched && this.#changed.size > 0) await this.#bringUpToDate();
  }

  #set(id: string, tags: readonly string[]): void {
    for (const tag of this.#tagsOf?.get(id) ?? []) this.#add(tag, -1);
    for (const tag of tags) this.#add(tag, 1);
    if (tags.length === 0) this.#tagsOf?.delete(id);
    else this.#tagsOf?.set(id, tags);
  }

  #add(tag: string, by: number): void {
    const count = (this.#counts.get(tag) ?? 0) + by;
    if (count === 0) this.#counts.delete(tag);
    else this.#counts.set(tag, count);
  }

  #forget(): void {
    this.#tagsOf = undefined;
    this.#counts.clear();
    this.#changed.clear();
  }
}
