// Records that cannot be read. Each is one bad record: the others go on, and this one is remembered, counted, can be
// looked at as it is stored, and be deleted. `check --repair` puts it aside, under keys that no list reads.
import { AppError, isAppError } from '../../core/errors.ts';
import { nextTurn } from '../../core/turns.ts';
import type { Kv, KvEntry, KvOperation } from '../kv/kv.ts';
import { retryOnConflict } from '../retry.ts';
import { parseDocument } from './json.ts';
import { lastPart } from './keys.ts';
import { allKinds, indexTable, recordKey, type Kind } from './kinds.ts';

export interface DamagedRecord {
  /** Its table and its name there: "machines/ID". */
  readonly record: string;
  /** A sentence for people. */
  readonly error: string;
  /** `check --repair` has put it aside. */
  readonly aside: boolean;
}

/** A damaged record as it is stored. */
export interface RawRecord extends DamagedRecord {
  readonly value: string;
  readonly revision: string;
}

/** Keys of records that were put aside begin so. */
const asideTable = 'aside/';
/** The most that are remembered, so that a ruined store fills no memory. */
const mostKnown = 10_000;
/** Records that are read at once. */
const atOnce = 50;

export class Damage {
  readonly #kv: Kv;
  readonly #known = new Map<string, DamagedRecord>();

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** Those that were met and have not been read well since. */
  known(): readonly DamagedRecord[] {
    return [...this.#known.values()];
  }

  /** The document of an entry, or what is wrong with it, which is remembered. */
  read<T extends object>(kind: Kind<T>, entry: KvEntry): { readonly value: T } | DamagedRecord {
    try {
      const value = readDocument(kind, entry);
      this.forget(entry.key);
      return { value };
    } catch (err) {
      return this.note(entry.key, err);
    }
  }

  /** Remembers a record. Errors: rethrows an error that is no damage. */
  note(record: string, err: unknown): DamagedRecord {
    if (!isAppError(err, 'store.damaged')) throw err;
    const damaged = { record, error: err.message, aside: false };
    if (this.#known.size < mostKnown) this.#known.set(record, damaged);
    return damaged;
  }

  /** The record was written or deleted. */
  forget(record: string): void {
    if (this.#known.size > 0) this.#known.delete(record);
  }

  /** Forgets those that are not there any more: others delete them, and put them aside, as well. Errors: those of the
   *  store. */
  async forgetGone(): Promise<void> {
    const records = [...this.#known.keys()];
    for (let i = 0; i < records.length; i += atOnce) {
      const some = records.slice(i, i + atOnce);
      const found = await this.#kv.read(some.map((key) => ({ key })));
      for (const [n, record] of some.entries()) if (found[n]?.length === 0) this.forget(record);
    }
  }

  /** Looks at every record of the store, and at those put aside. Errors: those of the store. */
  find(): AsyncGenerator<DamagedRecord> {
    return findDamaged(this.#kv, this);
  }

  /** A damaged record as it is stored: in its place, or else put aside; undefined if there is none.
   *  Errors: those of the store. */
  async get(record: string): Promise<RawRecord | undefined> {
    const keys = [{ key: record }, { key: asideTable + record }];
    const [[entry] = [], [put] = []] = await this.#kv.read(keys);
    const kind = kindOf(record);
    const read = kind !== undefined && entry !== undefined ? this.read(kind, entry) : undefined;
    if (entry !== undefined && read !== undefined && !('value' in read)) return raw(read, entry);
    return put === undefined ? undefined : raw(aside(put), put);
  }

  /** Deletes a damaged record with the index entries that lead to it, as `get` finds it. Whether there was one.
   *  Errors: those of the store. */
  async delete(record: string): Promise<boolean> {
    return retryOnConflict(async () => {
      const found = await this.get(record);
      const kind = kindOf(record);
      if (found === undefined || kind === undefined) return false;
      const key = found.aside ? asideTable + record : record;
      const entries = found.aside ? [] : await entriesOf(this.#kv, kind, record);
      const operations = [key, ...entries].map((k): KvOperation => ({ key: k, value: undefined }));
      await this.#kv.commit([{ key, revision: Number(found.revision) }], operations);
      this.forget(record);
      return true;
    });
  }
}

async function* findDamaged(kv: Kv, damage: Damage): AsyncGenerator<DamagedRecord> {
  for (const kind of allKinds) {
    for await (const piece of piecesUnder(kv, `${kind.table}/`)) {
      for (const entry of piece) {
        const read = damage.read(kind, entry);
        if (!('value' in read)) yield read;
      }
    }
  }
  for await (const piece of piecesUnder(kv, asideTable)) yield* piece.map(aside);
}

/** All entries under a prefix, so few at a time that the largest records fill no memory and nobody waits for them.
 *  Errors: those of the store. */
async function* piecesUnder(kv: Kv, prefix: string): AsyncGenerator<readonly KvEntry[]> {
  let after: string | undefined;
  for (;;) {
    const [entries = []] = await kv.read([{ prefix, after, limit: atOnce }]);
    if (entries.length > 0) yield entries;
    if (entries.length < atOnce) return;
    after = entries.at(-1)?.key;
    await nextTurn();
  }
}

/** The operations that put a damaged record aside, with the index entries that lead to it. */
export async function puttingAside(
  kv: Kv,
  kind: Kind<object>,
  { key, value }: KvEntry,
): Promise<KvOperation[]> {
  const entries = await entriesOf(kv, kind, key);
  return [
    { key, value: undefined },
    { key: asideTable + key, value },
    ...entries.map((entry) => ({ key: entry, value: undefined })),
  ];
}

/** The key under which a record is put aside. */
export function asideKey(record: string): string {
  return asideTable + record;
}

/** The document of an entry of this kind's table. Errors: AppError `store.damaged`. */
export function readDocument<T extends object>(kind: Kind<T>, { key, value }: KvEntry): T {
  const document = parseDocument(key, value);
  const fault = kind.shape(document);
  if (fault !== undefined) {
    throw new AppError(
      'store.damaged',
      `cannot read the record ${key}: ${fault} is missing or of another type`,
    );
  }
  // It has the shape of its kind, and was written by a collection of it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const typed = document as T;
  const own = recordKey(kind, kind.name(typed));
  if (own === key) return typed;
  throw new AppError('store.damaged', `${key} holds the record of ${lastPart(own)}`, {
    details: { own },
  });
}

/** All index entries of a record of which nobody can say what it was found by. */
async function entriesOf(kv: Kv, kind: Kind<object>, record: string): Promise<string[]> {
  const name = lastPart(record);
  const keys: string[] = [];
  for (const index of Object.keys(kind.indexes)) {
    for await (const piece of kv.scan(indexTable(kind, index))) {
      keys.push(...piece.map(({ key }) => key).filter((key) => lastPart(key) === name));
    }
  }
  return keys;
}

function kindOf(record: string): Kind<object> | undefined {
  return allKinds.find(({ table }) => record.startsWith(`${table}/`));
}

function aside({ key }: KvEntry): DamagedRecord {
  const error = 'it could not be read, and was put aside';
  return { record: key.slice(asideTable.length), error, aside: true };
}

function raw(damaged: DamagedRecord, { value, revision }: KvEntry): RawRecord {
  return { ...damaged, value, revision: String(revision) };
}
