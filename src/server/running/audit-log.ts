// The audit log: append-only, and bounded by age and size. Each server of a store writes to the same one.
import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';
import type { AuditEntry } from '../../model/documents/audit.ts';
import { indexKeys, kinds, recordKey } from '../../store/collections/kinds.ts';
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
/** A machine has opened a shell. */
export const remoteShellAction = 'machines.remote_shell';
/** The doings of machines, and of their agents with an operator's token. */
const ofMachines: ReadonlySet<string> = new Set([
  remoteShellAction,
  'agent.checkin',
  'agent.logs',
  'workflows.events',
]);

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

/** Entries that machines bring about take this part of the log at most, however many machines there are: those of operators
 *  stay. */
const machinesPart = 1 / 4;

/** Drops the oldest entries beyond the limits. Returns how many. Errors: those of the store. */
export async function pruneAudit(
  store: AuditServices['store'],
  policy: AuditPolicy,
  now: Date,
): Promise<number> {
  const oldest = new Date(now.getTime() - policy.days * dayMs).toISOString();
  const most = policy.mebibytes * 1024 * 1024;
  let [characters, machines] = [0, 0];
  for await (const { value } of store.audit.all()) {
    const size = sizeOf(value);
    characters += size;
    if (isOfMachine(value)) machines += size;
  }
  let dropped = 0;
  const drop = async (entry: AuditEntry): Promise<void> => {
    characters -= sizeOf(entry);
    await store.audit.delete(entry.id);
    dropped += 1;
  };
  for await (const { value } of store.audit.all()) {
    if (machines <= most * machinesPart) break;
    if (!isOfMachine(value)) continue;
    machines -= sizeOf(value);
    await drop(value);
  }
  for await (const { value } of store.audit.all()) {
    if (value.at >= oldest && characters <= most) break;
    await drop(value);
  }
  return dropped;
}

function isOfMachine({ action }: AuditEntry): boolean {
  return ofMachines.has(action);
}

/** The room that a key takes beside its characters. */
const keyBytes = 24;

/** The room that an entry takes in the store: of one that names many records, most is the index by record. */
function sizeOf(entry: AuditEntry): number {
  const keys = [recordKey(kinds.audit, entry.id), ...indexKeys(kinds.audit, entry)];
  return keys.reduce((size, key) => size + key.length + keyBytes, stringifyExact(entry).length);
}
