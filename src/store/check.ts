// Checks that records and indexes agree: every record has its index entries, every entry its record.
// The store may be in use, so a suspicion is looked at again before it counts as a finding.
import { describeError, isAppError } from '../core/errors.ts';
import { asideKey, puttingAside, readDocument } from './collections/damage.ts';
import { lastPart } from './collections/keys.ts';
import { stayingClosed } from './collections/tokens.ts';
import type { Kv, KvEntry, KvExpectation, KvOperation, KvRead } from './kv/kv.ts';
import { allKinds, indexKeys, indexTable, type Kind } from './collections/kinds.ts';

export interface Finding {
  readonly what:
    | 'unreadable record'
    | 'record under a wrong key'
    | 'missing index entry'
    | 'stray index entry';
  readonly key: string;
  /** A sentence for people. */
  readonly message: string;
  readonly repaired: boolean;
}

export interface CheckResult {
  readonly records: number;
  readonly indexEntries: number;
  readonly findings: number;
  readonly repaired: number;
}

/** Goes over the whole store in pieces and calls `report` with each finding. With `repair`, the time of it, index
 *  entries are made to agree with the records, and records that cannot be read are put aside, as they are.
 *  Errors: those of the store. */
export async function checkStore(
  kv: Kv,
  repair: Date | undefined,
  report: (finding: Finding) => void,
): Promise<CheckResult> {
  const check = new Check(kv, repair, report);
  for (const kind of allKinds) await check.kind(kind);
  return check.result;
}

/** A possible finding, and the write that would mend it. */
interface Suspicion {
  readonly what: Finding['what'];
  readonly key: string;
  readonly message: string;
  /** The record that the key belongs to. */
  readonly record: string;
  readonly value?: string;
}

class Check {
  readonly #kv: Kv;
  readonly #repair: Date | undefined;
  readonly #report: (finding: Finding) => void;
  readonly result = { records: 0, indexEntries: 0, findings: 0, repaired: 0 };

  constructor(kv: Kv, repair: Date | undefined, report: (finding: Finding) => void) {
    this.#kv = kv;
    this.#repair = repair;
    this.#report = report;
  }

  async kind(kind: Kind<object>): Promise<void> {
    for await (const piece of this.#kv.scan(`${kind.table}/`)) {
      this.result.records += piece.length;
      for (const entry of piece) await this.#record(kind, entry);
    }
    for (const index of Object.keys(kind.indexes)) {
      for await (const piece of this.#kv.scan(indexTable(kind, index))) {
        this.result.indexEntries += piece.length;
        await this.#entries(kind, piece);
      }
    }
  }

  async #record(kind: Kind<object>, entry: KvEntry): Promise<void> {
    const read = readRecord(kind, entry);
    if ('problem' in read) {
      await this.#settle(kind, { ...read.problem, key: entry.key, record: entry.key });
      return;
    }
    const keys = [...read.indexKeys];
    const found = await this.#kv.read(keys.map((key) => ({ key })));
    for (const [i, key] of keys.entries()) {
      if (found[i]?.length !== 0) continue;
      await this.#settle(kind, {
        what: 'missing index entry',
        key,
        message: `${entry.key} is not found by ${key}`,
        record: entry.key,
        value: '',
      });
    }
  }

  async #entries(kind: Kind<object>, piece: readonly KvEntry[]): Promise<void> {
    const owners = piece.map((entry) => `${kind.table}/${lastPart(entry.key)}`);
    const found = await this.#kv.read(owners.map((key) => ({ key })));
    for (const [i, entry] of piece.entries()) {
      const owner = found[i]?.[0];
      const read = owner === undefined ? undefined : readRecord(kind, owner);
      if (read !== undefined && ('problem' in read || read.indexKeys.has(entry.key))) continue;
      await this.#settle(kind, {
        what: 'stray index entry',
        key: entry.key,
        message:
          owner === undefined
            ? `${entry.key} leads to no record`
            : `${entry.key} leads to a record that says otherwise`,
        record: owners[i] ?? '',
      });
    }
  }

  /** Reports a suspicion that still holds, after mending it if asked to. */
  async #settle(kind: Kind<object>, suspicion: Suspicion): Promise<void> {
    const reads: KvRead[] = [{ key: suspicion.record }, { key: suspicion.key }];
    const [[record] = [], [entry] = []] = await this.#kv.read(reads);
    if (!stillHolds(kind, suspicion, record, entry)) return;
    const { what, key, message, value } = suspicion;
    const isIndex = what === 'missing index entry' || what === 'stray index entry';
    const now = this.#repair;
    const repaired =
      now !== undefined &&
      (isIndex
        ? await this.#write(suspicion.record, record, [{ key, value }])
        : record !== undefined && (await this.#putAside(kind, record, now)));
    this.result.findings += 1;
    this.result.repaired += repaired ? 1 : 0;
    this.#report({ what, key, message, repaired });
  }

  /** Not where one of that name was put aside before. */
  async #putAside(kind: Kind<object>, record: KvEntry, now: Date): Promise<boolean> {
    const free = { key: asideKey(record.key), revision: 0 };
    const operations = await puttingAside(this.#kv, kind, record);
    const closed = await stayingClosed(this.#kv, record.key, now);
    return this.#write(
      record.key,
      record,
      [...operations, ...closed],
      [free, ...closed.map(({ key }) => ({ key, revision: 0 }))],
    );
  }

  /** Writes unless the record changed again, which then brought its entries with it. */
  async #write(
    recordAt: string,
    record: KvEntry | undefined,
    operations: readonly KvOperation[],
    more: readonly KvExpectation[] = [],
  ): Promise<boolean> {
    const expected = { key: recordAt, revision: record?.revision ?? 0 };
    try {
      await this.#kv.commit([expected, ...more], operations);
      return true;
    } catch (err) {
      if (isAppError(err, 'store.conflict')) return false;
      throw err;
    }
  }
}

function stillHolds(
  kind: Kind<object>,
  { what, key }: Suspicion,
  record: KvEntry | undefined,
  entry: KvEntry | undefined,
): boolean {
  const read = record === undefined ? undefined : readRecord(kind, record);
  const wanted = read !== undefined && 'indexKeys' in read && read.indexKeys.has(key);
  if (what === 'missing index entry') return wanted && entry === undefined;
  if (what === 'stray index entry') return !wanted && entry !== undefined;
  return read !== undefined && 'problem' in read;
}

/** The index entries that a record must have, or what is wrong with it. */
function readRecord(
  kind: Kind<object>,
  entry: KvEntry,
):
  | { readonly indexKeys: ReadonlySet<string> }
  | { readonly problem: Pick<Suspicion, 'what' | 'message'> } {
  try {
    return { indexKeys: new Set(indexKeys(kind, readDocument(kind, entry))) };
  } catch (err) {
    if (!isAppError(err, 'store.damaged')) throw err;
    const what =
      err.details['own'] === undefined ? 'unreadable record' : 'record under a wrong key';
    return { problem: { what, message: describeError(err) } };
  }
}
