// One record of a collection in the Kv: read, expected at a revision, made, and written along with others.
import { stringifyExact } from '../../core/text/exact-json.ts';
import { conflict } from '../kv/errors.ts';
import type { Kv, KvEntry, KvExpectation, KvOperation } from '../kv/kv.ts';
import type { Expected } from '../store.ts';
import { indexKeys, recordKey, type Kind, type Values } from './kinds.ts';

/** Operations and expectations that a document's commit takes along. */
export interface Extra {
  readonly expectations: readonly KvExpectation[];
  readonly operations: readonly KvOperation[];
  /** The outbox is not asked. */
  readonly isQuiet?: boolean;
}

/** The entry of one key, in its newest revision. */
export async function readOne(kv: Kv, key: string): Promise<KvEntry | undefined> {
  const [entries] = await kv.read([{ key }]);
  return entries?.[0];
}

/** The operations that make a document with its index entries, where there is none. */
export function creation<T, By extends Values>(kind: Kind<T, By>, document: T): KvOperation[] {
  const record = { key: recordKey(kind, kind.name(document)), value: stringifyExact(document) };
  return [record, ...indexKeys(kind, document).map((key) => ({ key, value: '' }))];
}

/** Errors: AppError `store.conflict` where the record is not the expected one. */
export function checkExpected(expected: Expected, old: KvEntry | undefined): void {
  if (expected === undefined) return;
  const revision = old === undefined ? 'absent' : String(old.revision);
  if (revision !== (expected === 'absent' ? expected : expected.revision)) throw conflict();
}
