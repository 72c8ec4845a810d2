// Pages of a list: how long they may get, how they are filled, and the way through all of them.
import { nextTurn } from '../../core/turns.ts';
import type { DamagedRecord } from './damage.ts';
import type { KvEntry } from '../kv/kv.ts';
import type { Page, PageRequest, Versioned } from '../store.ts';

const defaultLimit = 100;
const maxLimit = 1000;
/** A page ends with the record that brings it past this size. Units: characters. */
const pageChars = 2 * 1024 * 1024;

/** A page while it is filled: its records, those that cannot be read, and how much is in it. */
export class PageInProgress<T> {
  readonly #items: Versioned<T>[] = [];
  readonly #damaged: DamagedRecord[] = [];
  readonly #limit: number;
  #chars = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#items.length + this.#damaged.length;
  }

  get isFull(): boolean {
    return this.length === this.#limit || this.#chars > pageChars;
  }

  add(item: Versioned<T> | DamagedRecord, { value }: KvEntry): void {
    if ('value' in item) this.#items.push(item);
    else this.#damaged.push(item);
    this.#chars += value.length;
  }

  end(nextCursor: string | undefined): Page<T> {
    return { items: this.#items, damaged: this.#damaged, nextCursor };
  }
}

/** All items of a list, page by page. */
export async function* everyItem<T>(
  list: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<Versioned<T>> {
  let cursor: string | undefined;
  do {
    const page = await list(cursor);
    yield* page.items;
    cursor = page.nextCursor;
    if (cursor !== undefined) await nextTurn();
  } while (cursor !== undefined);
}

export function pageLimit(page: PageRequest): number {
  const limit = Math.trunc(page.limit ?? defaultLimit);
  return Number.isNaN(limit) ? defaultLimit : Math.min(Math.max(limit, 1), maxLimit);
}
