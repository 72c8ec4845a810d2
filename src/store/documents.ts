// Documents over a Kv, whatever their kind: each write is one commit of the record and its index entries,
// each list a page. What the kinds are is in records.ts.
import { AppError, isAppError } from '../core/errors.ts';
import { parseDocument } from './json.ts';
import { conflict } from './kv-errors.ts';
import type { Kv, KvEntry, KvExpectation, KvOperation } from './kv.ts';
import { indexKeys, recordKey, type Kind } from './records.ts';
import type { Expected, Page, PageRequest, Revision, Versioned } from './store.ts';

const defaultLimit = 100;
const maxLimit = 1000;
/** How often an unconditional write is tried again when others write the same record. */
const maxAttempts = 50;

/** What a write does besides its own record. */
export interface Extra {
  readonly expectations: readonly KvExpectation[];
  readonly operations: readonly KvOperation[];
}
const nothingExtra: Extra = { expectations: [], operations: [] };

export class Documents {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  async get<T extends object>(kind: Kind<T>, name: string): Promise<Versioned<T> | undefined> {
    const entry = await this.readOne(recordKey(kind, name));
    return entry === undefined ? undefined : versioned<T>(entry);
  }

  async readOne(key: string): Promise<KvEntry | undefined> {
    const [entries] = await this.#kv.read([{ key }]);
    return entries?.[0];
  }

  /** Writes a document with its index entries, removing those it no longer has. */
  async put<T extends object>(
    kind: Kind<T>,
    document: T,
    expected: Expected,
    extra?: () => Promise<Extra>,
  ): Promise<Revision> {
    const key = recordKey(kind, kind.name(document));
    const value = JSON.stringify(document);
    const wanted = indexKeys(kind, document);
    return this.#attempt(expected, async () => {
      const old = expected === 'absent' ? undefined : await this.readOne(key);
      checkExpected(expected, old);
      const present = old === undefined ? new Set<string>() : keysOf(kind, old);
      const { expectations, operations } = (await extra?.()) ?? nothingExtra;
      const revision = await this.#kv.commit(
        [{ key, revision: old?.revision ?? 0 }, ...expectations],
        [
          { key, value },
          ...[...wanted].filter((k) => !present.has(k)).map((k) => ({ key: k, value: '' })),
          ...[...present].filter((k) => !wanted.has(k)).map((k) => ({ key: k, value: undefined })),
          ...operations,
        ],
      );
      return String(revision);
    });
  }

  async delete<T extends object>(
    kind: Kind<T>,
    name: string,
    expected: Expected,
    extra: Extra = nothingExtra,
  ): Promise<boolean> {
    const key = recordKey(kind, name);
    return this.#attempt(expected, async () => {
      const old = await this.readOne(key);
      checkExpected(expected, old);
      if (old === undefined) return false;
      await this.#kv.commit(
        [{ key, revision: old.revision }, ...extra.expectations],
        [key, ...keysOf(kind, old)]
          .map((k): KvOperation => ({ key: k, value: undefined }))
          .concat(extra.operations),
      );
      return true;
    });
  }

  /** Tries again on a conflict where the caller expects nothing in particular. */
  async #attempt<T>(expected: Expected, write: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await write();
      } catch (err) {
        const again = expected === undefined && attempt < maxAttempts;
        if (!again || !isAppError(err, 'store.conflict')) throw err;
      }
    }
  }

  /** A page of a whole table, or of its names `under` a prefix that pass `keep`. */
  async list<T extends object>(
    kind: Kind<T>,
    page: PageRequest = {},
    only: { under: string; keep: (document: T) => boolean } = { under: '', keep: () => true },
  ): Promise<Page<T>> {
    const table = `${kind.table}/`;
    const limit = pageLimit(page);
    const items: Versioned<T>[] = [];
    let after = position(table, page.cursor);
    for (;;) {
      // One more than fits tells whether there is a next page.
      const read = { prefix: table + only.under, after, limit: limit + 1 - items.length };
      const [entries = []] = await this.#kv.read([read]);
      for (const entry of entries) {
        const item = versioned<T>(entry);
        if (!only.keep(item.value)) continue;
        if (items.length === limit) return { items, nextCursor: after?.slice(table.length) };
        items.push(item);
        after = entry.key;
      }
      if (entries.length < read.limit) return { items, nextCursor: undefined };
      after = entries.at(-1)?.key;
    }
  }

  /** A page of the documents that an index names. */
  async listBy<T extends object>(
    kind: Kind<T>,
    prefix: string,
    page: PageRequest = {},
  ): Promise<Page<T>> {
    const limit = pageLimit(page);
    const read = { prefix, after: position(prefix, page.cursor), limit: limit + 1 };
    const [entries = []] = await this.#kv.read([read]);
    const shown = entries.slice(0, limit);
    const records = await this.#kv.read(
      shown.map((entry) => ({ key: `${kind.table}/${lastPart(entry.key)}` })),
    );
    return {
      // Between the two reads a record may have left the index.
      items: records
        .flat()
        .filter((entry) => keysOf(kind, entry).has(prefix + lastPart(entry.key)))
        .map((entry) => versioned<T>(entry)),
      nextCursor: entries.length > limit ? lastPart(shown.at(-1)?.key ?? '') : undefined,
    };
  }
}

export function versioned<T extends object>(entry: KvEntry): Versioned<T> {
  // A table holds only what `#put` of its kind wrote, or what `check` has passed.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const value = parseDocument(entry.key, entry.value) as T;
  return { value, revision: String(entry.revision) };
}

function keysOf<T extends object>(kind: Kind<T>, entry: KvEntry): Set<string> {
  return indexKeys(kind, versioned<T>(entry).value);
}

export function creation<T>(kind: Kind<T>, document: T): KvOperation[] {
  const record = { key: recordKey(kind, kind.name(document)), value: JSON.stringify(document) };
  return [record, ...[...indexKeys(kind, document)].map((key) => ({ key, value: '' }))];
}

function checkExpected(expected: Expected, old: KvEntry | undefined): void {
  if (expected === undefined) return;
  const revision = old === undefined ? 'absent' : String(old.revision);
  if (revision !== (expected === 'absent' ? expected : expected.revision)) throw conflict();
}

export function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

function pageLimit(page: PageRequest): number {
  const limit = Math.trunc(page.limit ?? defaultLimit);
  return Number.isNaN(limit) ? defaultLimit : Math.min(Math.max(limit, 1), maxLimit);
}

/** The key to go on after. A cursor is the last name's part of a key. */
function position(prefix: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  if (cursor.length > 300 || !/^[ !-.0-~]+$/.test(cursor)) {
    throw new AppError('request.invalid', 'the cursor is not one that a page gave', {
      details: { path: 'cursor' },
    });
  }
  return prefix + cursor;
}
