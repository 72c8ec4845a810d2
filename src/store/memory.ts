// The Kv in memory: for tests, and for servers whose machines may register anew after a restart.
import sortedBtree from 'sorted-btree';
import type { Kv, KvChange, KvEntry, KvExpectation, KvOperation, KvRead } from './kv/kv.ts';
import { prefixEnd } from './kv/kv.ts';
import { closedError, conflict } from './kv/errors.ts';
import { inPieces, scanPiece } from './kv/pieces.ts';
import { Watchers } from './kv/watchers.ts';

export class MemoryKv implements Kv {
  // The package is CommonJS: its class is a property of the default import.
  #entries = new sortedBtree.default<string, KvEntry>();
  #revision = 0;
  #watchers = new Watchers();
  #closed = false;

  async read(reads: readonly KvRead[]): Promise<readonly (readonly KvEntry[])[]> {
    if (this.#closed) throw closedError();
    return reads.map((read) => this.#answer(read));
  }

  async commit(
    expectations: readonly KvExpectation[],
    operations: readonly KvOperation[],
  ): Promise<number> {
    if (this.#closed) throw closedError();
    const broken = expectations.find((e) => !this.#holds(e));
    if (broken !== undefined) throw conflict(broken);
    this.#revision += 1;
    for (const { key, value } of operations) {
      if (value === undefined) this.#entries.delete(key);
      else this.#entries.set(key, { key, value, revision: this.#revision });
    }
    this.#watchers.announce(operations);
    return this.#revision;
  }

  scan(prefix: string): AsyncIterable<readonly KvEntry[]> {
    return this.scanAll([prefix]);
  }

  async *scanAll(prefixes: readonly string[], most = scanPiece) {
    const snapshot = this.#entries.clone();
    yield* inPieces(prefixes, most, (...read) => rangeOf(snapshot, ...read));
  }

  async watch(
    prefix: string,
    listener: (change: KvChange | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#watchers.add(prefix, listener, signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #answer(read: KvRead): readonly KvEntry[] {
    if ('prefix' in read) {
      return rangeOf(this.#entries, read.prefix, read.after, read.limit);
    }
    const entry = this.#entries.get(read.key);
    return entry === undefined ? [] : [entry];
  }

  #holds(expectation: KvExpectation): boolean {
    if ('key' in expectation) {
      return (this.#entries.get(expectation.key)?.revision ?? 0) === expectation.revision;
    }
    const under = rangeOf(this.#entries, expectation.prefix, undefined, Infinity);
    return under.every((entry) => entry.revision <= expectation.newest);
  }
}

/** Up to `limit` entries under `prefix` whose keys come after `after`. */
function rangeOf(
  entries: Pick<sortedBtree.default<string, KvEntry>, 'forRange'>,
  prefix: string,
  after: string | undefined,
  limit: number,
): KvEntry[] {
  const found: KvEntry[] = [];
  const low = after !== undefined && after > prefix ? after : prefix;
  entries.forRange(low, prefixEnd(prefix), false, (key, entry) => {
    if (key === after) return undefined;
    if (found.length >= limit) return { break: true };
    found.push(entry);
    return undefined;
  });
  return found;
}
