// A collection over a Kv: each write is one commit of the record and its index entries, each list a page.
// The kinds of documents are in kinds.ts.
import { AppError, isAppError } from '../../core/errors.ts';
import { isSameJson } from '../../core/same-json.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';
import type { Damage, DamagedRecord } from './damage.ts';
import { indexKeys, indexPrefix, recordKey, type Kind, type Values } from './kinds.ts';
import { cursorAt, position } from './cursor.ts';
import { keyPart, lastPart, namePrefix } from './keys.ts';
import type { Outgoing } from './outgoing.ts';
import { everyItem, PageInProgress, pageLimit } from './page.ts';
import { checkExpected, readOne, type Extra } from './records.ts';
import type { Kv, KvEntry, KvExpectation, KvOperation } from '../kv/kv.ts';
import { retryOnConflict } from '../retry.ts';
import type {
  Collection,
  Expected,
  ListRequest,
  Names,
  Page,
  PageRequest,
  Revision,
  Versioned,
} from '../store.ts';

/** Records that are read at once. */
const pieceLimit = 100;

/** The extra of a write, made once the old document is known, and that document itself where the writer has it as it was
 *  read at the expected revision. */
interface WriteAlong<T> {
  readonly extra?: () => Promise<Extra>;
  readonly replaces?: T | undefined;
}

const nothingExtra: Extra = { expectations: [], operations: [] };

export class KvCollection<T extends object, By extends Values> implements Collection<T, By> {
  protected readonly kv: Kv;
  protected readonly damage: Damage;
  readonly #kind: Kind<T, By>;
  readonly #outgoing: Outgoing | undefined;

  /** `outgoing`: what its writes take along, if anything. */
  constructor(kv: Kv, kind: Kind<T, By>, damage: Damage, outgoing?: Outgoing) {
    this.kv = kv;
    this.damage = damage;
    this.#kind = kind;
    this.#outgoing = outgoing;
  }

  async get(name: string): Promise<Versioned<T> | undefined> {
    const entry = await readOne(this.kv, recordKey(this.#kind, name));
    if (entry === undefined) return undefined;
    const item = this.#read(entry);
    if ('value' in item) return item;
    throw new AppError('store.damaged', item.error, { details: { record: item.record } });
  }

  put(document: T, expected?: Expected): Promise<Revision> {
    return this.write(document, expected);
  }

  delete(name: string, expected?: Expected): Promise<boolean> {
    return this.remove(name, expected);
  }

  async list({ prefix = '', from, ...paging }: ListRequest = {}): Promise<Page<T>> {
    const table = `${this.#kind.table}/`;
    if (paging.among !== undefined) return this.#named(table, paging, paging.among, () => true);
    const limit = pageLimit(paging);
    const page = new PageInProgress<T>(limit);
    const start = from === undefined ? undefined : table + namePrefix(from);
    let after = position(table, paging.cursor) ?? start;
    for (;;) {
      // One more than fits tells whether there is a next page.
      const left = limit + 1 - page.length;
      const read = { prefix: table + namePrefix(prefix), after, limit: Math.min(left, pieceLimit) };
      const [entries = []] = await this.kv.read([read]);
      for (const entry of entries) {
        const item = this.#read(entry);
        if (prefix !== '' && 'value' in item && !this.#kind.name(item.value).startsWith(prefix))
          continue;
        if (page.isFull) return page.end(cursorAt(table, after));
        page.add(item, entry);
        after = entry.key;
      }
      if (entries.length < read.limit) return page.end(undefined);
      after = entries.at(-1)?.key;
    }
  }

  async listBy<Index extends keyof By & string>(
    index: Index,
    value: By[Index],
    paging: PageRequest = {},
  ): Promise<Page<T>> {
    const prefix = indexPrefix(this.#kind, index, value);
    const indexed: Names = async (after, limit) => {
      const from = after === undefined ? undefined : prefix + after;
      const [entries = []] = await this.kv.read([{ prefix, after: from, limit }]);
      return entries.map((entry) => lastPart(entry.key));
    };
    // Between the two reads a record may have left the index.
    const isUnder = (document: T): boolean =>
      indexKeys(this.#kind, document).includes(prefix + keyPart(this.#kind.name(document)));
    return this.#named(prefix, paging, paging.among ?? indexed, isUnder);
  }

  async *all(prefix?: string): AsyncGenerator<Versioned<T>> {
    yield* everyItem((cursor) => this.list({ prefix, limit: pieceLimit, cursor }));
  }

  async snapshot(prefix = ''): Promise<readonly Versioned<T>[]> {
    const found: Versioned<T>[] = [];
    for await (const piece of this.kv.scan(`${this.#kind.table}/${namePrefix(prefix)}`)) {
      const items = piece.map((entry) => this.#read(entry));
      found.push(...items.filter((item) => 'value' in item));
    }
    return found.filter(({ value }) => this.#kind.name(value).startsWith(prefix));
  }

  async *allBy<Index extends keyof By & string>(
    index: Index,
    value: By[Index],
  ): AsyncGenerator<Versioned<T>> {
    yield* everyItem((cursor) => this.listBy(index, value, { limit: pieceLimit, cursor }));
  }

  /** Writes a document with its index entries, removing those it no longer has. */
  async write(document: T, expected: Expected, along: WriteAlong<T> = {}): Promise<Revision> {
    const key = recordKey(this.#kind, this.#kind.name(document));
    const value = stringifyExact(document);
    return repeatedly(expected, async () => {
      const old = await this.#replaced(key, expected, along.replaces);
      const { expectations, operations, isQuiet = false } = (await along.extra?.()) ?? nothingExtra;
      const revision = await this.kv.commit(
        [{ key, revision: old.revision }, ...expectations],
        [
          { key, value },
          ...this.#reindexing(old.document, document),
          ...operations,
          ...(isQuiet ? [] : this.#sent(document, old.revision === 0)),
        ],
      );
      this.damage.forget(key);
      return String(revision);
    });
  }

  /** The record that is about to be replaced: its revision, 0 where there is none, and its document, if that can be read.
   *  Errors: AppError `store.conflict` where it is not the expected one. */
  async #replaced(
    key: string,
    expected: Expected,
    document: T | undefined,
  ): Promise<{ readonly revision: number; readonly document: T | undefined }> {
    if (expected === 'absent') return { revision: 0, document: undefined };
    // The commit makes sure of the revision, and with it of what is known of the record.
    if (expected !== undefined && document !== undefined) {
      return { revision: Number(expected.revision), document };
    }
    const old = await readOne(this.kv, key);
    checkExpected(expected, old);
    if (old === undefined) return { revision: 0, document: undefined };
    return { revision: old.revision, document: this.#documentOf(old) };
  }

  /** The operations that turn the index entries of one document into those of another. */
  #reindexing(before: T | undefined, after: T): readonly KvOperation[] {
    const { indexed } = this.#kind;
    const isAlike =
      before !== undefined && indexed !== undefined && isSameJson(indexed(before), indexed(after));
    if (isAlike) return [];
    const added = indexKeys(this.#kind, after).map((key) => ({ key, value: '' }));
    if (before === undefined) return added;
    const present = new Set(indexKeys(this.#kind, before));
    const wanted = new Set(added.map(({ key }) => key));
    return [
      ...added.filter(({ key }) => !present.has(key)),
      ...[...present].filter((k) => !wanted.has(k)).map((k) => ({ key: k, value: undefined })),
    ];
  }

  /** Deletes a document with its index entries. Whether there was one. */
  async remove(name: string, expected: Expected, extra: Extra = nothingExtra): Promise<boolean> {
    const key = recordKey(this.#kind, name);
    return repeatedly(expected, async () => {
      const old = await readOne(this.kv, key);
      checkExpected(expected, old);
      if (old === undefined) return false;
      const document = this.#documentOf(old);
      const entries = document === undefined ? [] : indexKeys(this.#kind, document);
      const removals = [key, ...entries].map((k) => ({ key: k, value: undefined }));
      await this.#commitRemoval(
        name,
        [{ key, revision: old.revision }, ...extra.expectations],
        [...removals, ...extra.operations],
      );
      this.damage.forget(key);
      return true;
    });
  }

  /** Room for what is sent out may be lacking, and a full store must not keep a secret from being removed. */
  async #commitRemoval(
    name: string,
    expectations: readonly KvExpectation[],
    operations: readonly KvOperation[],
  ): Promise<void> {
    const sent = this.#outgoing?.of(this.#kind, name, undefined, false) ?? [];
    try {
      await this.kv.commit(expectations, [...operations, ...sent]);
    } catch (err) {
      if (sent.length === 0 || !isAppError(err, 'store.full')) throw err;
      await this.kv.commit(expectations, operations);
      this.#outgoing?.lose(this.#kind, name);
    }
  }

  #sent(document: T, isNew: boolean): readonly KvOperation[] {
    return this.#outgoing?.of(this.#kind, this.#kind.name(document), document, isNew) ?? [];
  }

  #read(entry: KvEntry): Versioned<T> | DamagedRecord {
    const read = this.damage.read(this.#kind, entry);
    if (!('value' in read)) return read;
    const value = this.#kind.mended?.(read.value) ?? read.value;
    return { value, revision: String(entry.revision) };
  }

  /** A page of the list at `prefix`: the records that `names` gives and that are in the list. */
  async #named(
    prefix: string,
    paging: PageRequest,
    names: Names,
    isInList: (document: T) => boolean,
  ): Promise<Page<T>> {
    const limit = pageLimit(paging);
    const after = position(prefix, paging.cursor)?.slice(prefix.length);
    // One more than fits tells whether there is a next page.
    const named = await names(after, limit + 1);
    const page = new PageInProgress<T>(limit);
    let shown = 0;
    while (shown < Math.min(named.length, limit) && !page.isFull) {
      const piece = named.slice(shown, Math.min(limit, shown + pieceLimit));
      const records = await this.kv.read(
        piece.map((name) => ({ key: `${this.#kind.table}/${name}` })),
      );
      for (const [entry] of records) {
        shown += 1;
        if (entry === undefined) continue;
        const item = this.#read(entry);
        const isIn =
          'value' in item ? isInList(item.value) : await this.#isListed(prefix, entry.key);
        if (isIn) page.add(item, entry);
        if (page.isFull) break;
      }
    }
    const last = named[shown - 1];
    const isEnd = shown === named.length || last === undefined;
    return page.end(isEnd ? undefined : cursorAt(prefix, prefix + last));
  }

  /** True if a record that cannot be read is in the list at `prefix`. */
  async #isListed(prefix: string, key: string): Promise<boolean> {
    const isWhole = prefix === `${this.#kind.table}/`;
    return isWhole || (await readOne(this.kv, prefix + lastPart(key))) !== undefined;
  }

  /** The document of an entry; undefined for one that cannot be read, whose index entries lists pass over until `check`
   *  removes them. */
  #documentOf(entry: KvEntry): T | undefined {
    const read = this.damage.read(this.#kind, entry);
    return 'value' in read ? read.value : undefined;
  }
}

/** An unconditional write is repeated when others write the same record meanwhile. */
function repeatedly<T>(expected: Expected, write: () => Promise<T>): Promise<T> {
  return expected === undefined ? retryOnConflict(write) : write();
}
