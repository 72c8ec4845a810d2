// The shape of the contract's tests, and what they do again and again.
import assert from 'node:assert/strict';
import { isAppError, type ErrorCode } from '../../core/errors.ts';
import type { Kv, KvEntry } from '../kv/kv.ts';

/** A test of one Kv. Errors: throws where the contract does not hold. */
export type KvTest = (kv: Kv) => Promise<void>;

/** A backend under test. */
export interface KvUnderTest<K extends Kv> {
  readonly name: string;
  /** Opens a new and empty one, which the test closes. */
  readonly open: () => Promise<K>;
  /** Opens again what a closed one kept. Absent: it keeps nothing. */
  readonly reopen?: (closed: K) => Promise<K>;
}

/** Writes values, and gives the revision of the commit. */
export function put(kv: Kv, values: Readonly<Record<string, string>>): Promise<number> {
  return kv.commit(
    [],
    Object.entries(values).map(([key, value]) => ({ key, value })),
  );
}

export function remove(kv: Kv, ...keys: readonly string[]): Promise<number> {
  return kv.commit(
    [],
    keys.map((key) => ({ key, value: undefined })),
  );
}

export async function get(kv: Kv, key: string): Promise<KvEntry | undefined> {
  const [entries] = await kv.read([{ key }]);
  return entries?.[0];
}

/** Up to `limit` entries under a prefix, after a key. */
export async function list(
  kv: Kv,
  prefix: string,
  limit = 10_000,
  after?: string,
): Promise<readonly KvEntry[]> {
  const [entries = []] = await kv.read([{ prefix, limit, after }]);
  return entries;
}

export function keysOf(entries: readonly KvEntry[]): string[] {
  return entries.map((entry) => entry.key);
}

export async function scanned(kv: Kv, prefix: string): Promise<KvEntry[]> {
  const all: KvEntry[] = [];
  for await (const piece of kv.scan(prefix)) all.push(...piece);
  return all;
}

/** Errors: throws unless `work` fails with an AppError of this code. */
export async function failsWith(code: ErrorCode, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (err: unknown) => {
    assert.ok(isAppError(err, code), `must fail with an AppError ${code}, not ${String(err)}`);
    return true;
  });
}

/** True when `work` succeeds, false when it fails with `store.conflict`. */
export function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    (err: unknown) => {
      if (isAppError(err, 'store.conflict')) return false;
      throw err;
    },
  );
}

/** "0001": numbers in byte order. */
export function padded(n: number): string {
  return String(n).padStart(4, '0');
}
