// Something that is kept in memory of all documents of a kind: read once, then kept by reading again what changed.
import { isAppError } from '../../core/errors.ts';
import { nextTurn } from '../../core/turns.ts';
import { lastPart, partName } from '../../store/collections/keys.ts';
import type { Collection } from '../../store/store.ts';

/** All documents are read anew after this many changes since the last time, if these are of half of them. */
const mostChanges = 10_000;
const pageLimit = 100;

export abstract class Followed<T extends object> {
  readonly #collection: Pick<Collection<T>, 'get' | 'list'>;
  readonly #nameOf: (document: T) => string;
  /** given up: it is too much, and nothing is kept from then on. */
  #state: 'nothing' | 'reading' | 'known' | 'given up' = 'nothing';
  #isWatched = false;
  readonly #changed = new Set<string>();
  #reading: Promise<void> = Promise.resolve();

  constructor(collection: Pick<Collection<T>, 'get' | 'list'>, nameOf: (document: T) => string) {
    this.#collection = collection;
    this.#nameOf = nameOf;
  }

  /** The number of documents of which something is kept. */
  protected abstract get size(): number;
  /** `document` undefined: it is there and cannot be read. */
  protected abstract keep(name: string, document: T | undefined): void;
  protected abstract drop(name: string): void;
  /** Lets go of everything. Whoever was given it may go on with it. */
  protected abstract clear(): void;

  /** False: nobody says what changes, and all are read each time. */
  get isWatched(): boolean {
    return this.#isWatched;
  }

  set isWatched(is: boolean) {
    if (is && !this.#isWatched) this.#forget();
    this.#isWatched = is;
  }

  /** True if all were read and what changes is told. */
  get isKnown(): boolean {
    return this.#state === 'known' && this.#isWatched;
  }

  /** True if all of them are too much to keep anything of. */
  get isGivenUp(): boolean {
    return this.#state === 'given up';
  }

  /** A document was written or deleted; undefined: any may have been. */
  changed(name: string | undefined): void {
    if (this.#state === 'nothing' || this.#state === 'given up') return;
    if (name === undefined || this.#areManyChanged()) this.#forget();
    else this.#changed.add(name);
  }

  /** Brings up to date what is kept, as of now. Errors: those of the store. */
  async upToDate(): Promise<void> {
    // One at a time, each from where the one before it left off.
    const reading = this.#reading.then(() => this.#bringUpToDate());
    this.#reading = reading.catch(() => {});
    await reading;
  }

  /** Begins to read all, unless that is done or under way. Where it fails, the next call tries again. */
  begin(): void {
    if (this.#state === 'nothing' && this.#isWatched) void this.upToDate().catch(() => {});
  }

  /** Lets go of everything, and reads no more. */
  protected giveUp(): void {
    this.#forget();
    this.#state = 'given up';
  }

  #areManyChanged(): boolean {
    const { size } = this.#changed;
    return this.#state === 'known' && size >= mostChanges && size >= this.size / 2;
  }

  #forget(): void {
    if (this.#state !== 'given up') this.#state = 'nothing';
    this.#changed.clear();
    this.clear();
  }

  async #bringUpToDate(): Promise<void> {
    while (this.#state !== 'given up') {
      if (!this.isKnown) await this.#readAll();
      await this.#readChanged();
      // Unless all was forgotten meanwhile.
      if (this.#state === 'known') return;
    }
  }

  async #readAll(): Promise<void> {
    this.#forget();
    // From now on changes are noted, also those of documents that were read already.
    this.#state = 'reading';
    let cursor: string | undefined;
    do {
      const page = await this.#collection
        .list({ limit: pageLimit, cursor })
        .catch((err: unknown) => {
          this.#forget();
          throw err;
        });
      if (this.#state !== 'reading') return;
      for (const { value } of page.items) this.keep(this.#nameOf(value), value);
      for (const { record } of page.damaged) {
        const name = partName(lastPart(record));
        if (name !== undefined) this.keep(name, undefined);
      }
      cursor = page.nextCursor;
      await nextTurn();
    } while (cursor !== undefined);
    if (this.#state === 'reading') this.#state = 'known';
  }

  /** Reads what has changed so far: with what changes meanwhile this might never end. */
  async #readChanged(): Promise<void> {
    const names = [...this.#changed];
    for (const name of names) {
      if (this.#state !== 'known') return;
      this.#changed.delete(name);
      const found = await this.#read(name).catch((err: unknown) => {
        // It is still to be read, and the others are as they were.
        this.changed(name);
        throw err;
      });
      if (found === 'absent') this.drop(name);
      else this.keep(name, found);
      await nextTurn();
    }
  }

  async #read(name: string): Promise<T | 'absent' | undefined> {
    try {
      const found = await this.#collection.get(name);
      return found === undefined ? 'absent' : found.value;
    } catch (err) {
      if (isAppError(err, 'store.damaged')) return undefined;
      throw err;
    }
  }
}
