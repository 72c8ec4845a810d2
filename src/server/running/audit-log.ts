// The audit log: append-only, and bounded by age and size. Each server of a store writes to the same one.
import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';
import type { AuditEntry } from '../../model/documents/audit.ts';
import type { Store } from '../../store/store.ts';

/** The log's limits: the oldest entries beyond either are dropped. */
export interface AuditPolicy {
  readonly days: number;
  readonly mebibytes: number;
}

export const defaultAudit: AuditPolicy = { days: 365, mebibytes: 64 };

/** A longer change is kept as its digest. Units: characters. */
const longestChange = 8192;
const mostRecords = 200;
const dayMs = 86_400_000;

export type NewEntry = Omit<AuditEntry, 'id' | 'at'>;

export interface AuditServices {
  readonly store: Store;
  readonly clock: Clock;
  readonly newId: () => string;
}

/** Writes an entry. Errors: those of the store. */
export async function appendAudit(s: AuditServices, entry: NewEntry): Promise<void> {
  const { records, change } = entry;
  await s.store.audit.put(
    {
      ...entry,
      id: s.newId(),
      at: s.clock.now().toISOString(),
      records: records.slice(0, mostRecords),
      change: bounded(change),
    },
    'absent',
  );
}

function bounded(change: unknown): unknown {
  const text = stringifyExact(change ?? null);
  if (text.length <= longestChange) return change ?? null;
  return { sha256: createHash('sha256').update(text).digest('hex'), characters: text.length };
}

/** Drops the oldest entries beyond the limits. Returns how many. Errors: those of the store. */
export async function pruneAudit(
  store: AuditServices['store'],
  policy: AuditPolicy,
  now: Date,
): Promise<number> {
  const oldest = new Date(now.getTime() - policy.days * dayMs).toISOString();
  let characters = 0;
  for await (const { value } of store.audit.all()) characters += sizeOf(value);
  let dropped = 0;
  for await (const { value } of store.audit.all()) {
    if (value.at >= oldest && characters <= policy.mebibytes * 1024 * 1024) break;
    characters -= sizeOf(value);
    await store.audit.delete(value.id);
    dropped += 1;
  }
  return dropped;
}

function sizeOf(entry: AuditEntry): number {
  return stringifyExact(entry).length;
}
