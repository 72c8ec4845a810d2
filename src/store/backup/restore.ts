// Restores a backup (backup.ts), or a file of Dragonfly's documents, into an empty store.
import { AppError } from '../../core/errors.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';
import { isActive, type Workflow } from '../../model/documents/workflow.ts';
import { asideKey } from '../collections/damage.ts';
import { allKinds, kinds, recordKey } from '../collections/kinds.ts';
import { stayingClosed } from '../collections/tokens.ts';
import { restored, restoringKey } from '../format.ts';
import type { Kv, KvOperation } from '../kv/kv.ts';
import { readDragonflys, type Stored } from './dragonflys-documents.ts';
import { isSession, linesOf, operationsOf, readRecord } from './records.ts';
import { Faults, verify, verifyDocuments } from './verification.ts';

/** Records to a commit, and how much text. */
const batchRecords = 64;
const batchChars = 256 * 1024;

/** A record of the file that this version cannot read. */
export interface Unread {
  readonly line: number;
  /** The record under which it was put aside; undefined for a line of no kind that this version knows. */
  readonly record: string | undefined;
  readonly error: string;
}

export interface RestoreOptions {
  readonly from?: 'backup' | 'dragonfly';
  /** The time of it: records that cannot be read are put aside, as `check --repair` does, and told of. Without it the file
   *  is refused. */
  readonly skipDamaged?: Date | undefined;
  readonly onUnread?: (unread: Unread) => void;
}

/** Puts all records of a backup, or of a file of Dragonfly's documents, into an empty store. The whole file is
 *  verified before anything is written. Returns how many. A restore that was interrupted can be repeated with the
 *  same file. Errors: AppError `backup.damaged`, `backup.failed`, `store.incompatible`, `store.not-empty`, and
 *  those of the store. */
export async function restore(
  kv: Kv,
  path: string,
  { from = 'backup', skipDamaged, onUnread = () => {} }: RestoreOptions = {},
): Promise<number> {
  const read = from === 'backup' ? readRecord : readDragonflys;
  const faults = new Faults(skipDamaged !== undefined);
  const { records, sha256 } = await (from === 'backup'
    ? verify(path, faults)
    : verifyDocuments(path, faults));
  await claim(kv, sha256);
  let batch: KvOperation[] = [];
  let inBatch = 0;
  let chars = 0;
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await kv.commit([], batch);
    batch = [];
    inBatch = 0;
    chars = 0;
  };
  let [number, sessions] = [0, 0];
  for await (const line of linesOf(path)) {
    number += 1;
    const record = read(line);
    const error = faults.of(number);
    if (error !== undefined && skipDamaged !== undefined) {
      await flush();
      onUnread({ line: number, record: await putAside(kv, record, number, skipDamaged), error });
      continue;
    }
    if (record === undefined) continue;
    // Backups of earlier versions have them.
    if (isSession(record)) {
      sessions += 1;
      continue;
    }
    const operations = operationsOf(record.kind, heldBack(record));
    if (inBatch === batchRecords || chars + line.length > batchChars) await flush();
    batch.push(...operations);
    inBatch += 1;
    chars += line.length;
  }
  await flush();
  await kv.commit([], restored);
  return records - faults.count - sessions;
}

/** Puts a record that cannot be read aside. Returns its name there; undefined for what is of no known kind. */
async function putAside(
  kv: Kv,
  record: Stored | undefined,
  line: number,
  now: Date,
): Promise<string | undefined> {
  if (record === undefined) return undefined;
  const name = asideName(record, line);
  const closed = await stayingClosed(kv, name, now);
  const value = stringifyExact(record.document);
  await kv.commit([], [{ key: asideKey(name), value }, ...closed]);
  return name;
}

/** The key that the record would have; where nobody can say, one by its line. */
function asideName({ kind, document }: Stored, line: number): string {
  try {
    return recordKey(kind, kind.name(document));
  } catch {
    return `${kind.table}/line-${line}`;
  }
}

/** Refuses a store that holds something, and marks it as being restored. */
async function claim(kv: Kv, sha256: string): Promise<void> {
  const passing: ReadonlySet<string> = new Set([kinds.presences.table, kinds.leases.table]);
  const kept = allKinds.filter(({ table }) => !passing.has(table));
  const tables = kept.map(({ table }) => ({ prefix: `${table}/`, limit: 1 }));
  const [[mark] = [], ...found] = await kv.read([{ key: restoringKey }, ...tables]);
  if (mark?.value === sha256) return;
  if (mark !== undefined || found.some((entries) => entries.length > 0)) {
    throw new AppError(
      'store.not-empty',
      'cannot restore into a store that holds records: name an empty one',
    );
  }
  await kv.commit([{ key: restoringKey, revision: 0 }], [{ key: restoringKey, value: sha256 }]);
}

/** Holds back what would act by itself: workflows that were active when the backup was made, which may be done or
 *  unwanted by now, and webhooks, whose receivers the store that they come from may still serve. */
function heldBack({ kind, document }: Stored): object {
  if (kind.table === kinds.webhooks.table) return { ...document, enabled: false };
  if (kind.table !== kinds.workflows.table) return document;
  // The table of workflows holds nothing else.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const workflow = document as Workflow;
  return isActive(workflow) ? { ...workflow, held: 'restored from a backup' } : workflow;
}
