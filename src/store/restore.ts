// Restores a backup (backup.ts), or a file of Dragonfly's documents, into an empty store.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { AppError, isAppError } from '../core/errors.ts';
import { stringifyExact } from '../core/text/exact-json.ts';
import { isActive, type Workflow } from '../model/documents/workflow.ts';
import { asideKey } from './collections/damage.ts';
import { parseDocument } from './collections/json.ts';
import { allKinds, indexKeys, kinds, recordKey, type Kind } from './collections/kinds.ts';
import { stayingClosed } from './collections/tokens.ts';
import { readDragonflys, type Stored } from './dragonflys-documents.ts';
import { backupFormat, formatVersion, restoringKey } from './format.ts';
import type { Kv, KvOperation } from './kv/kv.ts';

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
  let number = 0;
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
    const operations = operationsOf(record.kind, heldBack(record));
    if (inBatch === batchRecords || chars + line.length > batchChars) await flush();
    batch.push(...operations);
    inBatch += 1;
    chars += line.length;
  }
  await flush();
  await kv.commit([], [{ key: restoringKey, value: undefined }]);
  return records - faults.count;
}

/** The lines of a file whose records cannot be read. */
class Faults {
  readonly #arePassed: boolean;
  readonly #lines = new Map<number, string>();

  constructor(arePassed: boolean) {
    this.#arePassed = arePassed;
  }

  get count(): number {
    return this.#lines.size;
  }

  of(line: number): string | undefined {
    return this.#lines.get(line);
  }

  /** True if the check of a line passes. Errors: those of the check, where faults are not passed over. */
  passes(line: number, check: () => void): boolean {
    try {
      check();
      return true;
    } catch (err) {
      if (!isAppError(err, 'backup.damaged')) throw err;
      if (!this.#arePassed) throw withAdvice(err);
      this.#lines.set(line, err.message);
      return false;
    }
  }
}

function withAdvice({ code, message, cause }: AppError): AppError {
  const advice = 'use another copy, or restore the rest of this one with --skip-damaged';
  return new AppError(code, `${message}: ${advice}`, { cause });
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

async function verify(path: string, faults: Faults): Promise<{ records: number; sha256: string }> {
  const hash = createHash('sha256');
  let records = -1;
  let last: string | undefined;
  for await (const line of linesOf(path)) {
    if (last !== undefined) {
      if (records === -1) checkHeader(last, path);
      else passesRecord(faults, readRecord(last), path, records + 2);
      records += 1;
      hash.update(`${last}\n`);
    }
    last = line;
  }
  const sha256 = hash.digest('hex');
  if (last !== JSON.stringify({ records, sha256 })) throw damaged(path);
  return { records, sha256 };
}

async function verifyDocuments(
  path: string,
  faults: Faults,
): Promise<{ records: number; sha256: string }> {
  const hash = createHash('sha256');
  const keys = new Set<string>();
  let number = 0;
  for await (const line of linesOf(path)) {
    number += 1;
    hash.update(`${line}\n`);
    if (line.trim() === '') continue;
    const record = readDragonflys(line);
    if (record === undefined) {
      throw new AppError(
        'backup.damaged',
        `line ${number} of ${path} is no machine, template or workflow of Dragonfly: give each document a line of its own`,
      );
    }
    if (!passesRecord(faults, record, path, number)) continue;
    const key = recordKey(record.kind, record.kind.name(record.document));
    // The index entries of the first one would lead to the second.
    if (keys.has(key)) {
      throw new AppError(
        'backup.damaged',
        `line ${number} of ${path} holds ${key} a second time: leave one of them out`,
      );
    }
    keys.add(key);
  }
  const records = keys.size + faults.count;
  if (records === 0) throw new AppError('backup.damaged', `${path} holds no documents`);
  return { records, sha256: hash.digest('hex') };
}

function checkHeader(line: string, path: string): void {
  let header: { format?: unknown; version?: unknown };
  try {
    header = parseDocument('header', line);
  } catch {
    throw damaged(path);
  }
  if (header.format !== backupFormat || typeof header.version !== 'number') throw damaged(path);
  if (header.version > formatVersion) {
    throw new AppError(
      'store.incompatible',
      `${path} was written by a newer version (format ${header.version}): use that version`,
    );
  }
}

function passesRecord(
  faults: Faults,
  record: Stored | undefined,
  path: string,
  number: number,
): boolean {
  return faults.passes(number, () => checkRecord(record, path, number));
}

/** Refuses a line that is no record, or one that this version could not find again or read. */
function checkRecord(record: Stored | undefined, path: string, number: number): void {
  if (record === undefined) {
    throw new AppError(
      'backup.damaged',
      `line ${number} of ${path} is no record that this version knows`,
    );
  }
  const { kind, document } = record;
  const unreadable = (field: string, cause?: unknown): AppError =>
    new AppError(
      'backup.damaged',
      `cannot read the record of ${kind.table} in line ${number} of ${path}: ${field} is missing or of another type`,
      { cause },
    );
  const fault = kind.shape(document);
  if (fault !== undefined) throw unreadable(fault);
  try {
    operationsOf(kind, document);
    kind.mended?.(document);
  } catch (cause) {
    throw unreadable('a field that every such record has', cause);
  }
}

/** A line's record; undefined for a line that is none. */
function readRecord(line: string): Stored | undefined {
  try {
    const read: { table?: unknown; document?: unknown } = parseDocument('line', line);
    const kind = allKinds.find(({ table }) => table === read.table);
    const { document } = read;
    if (kind === undefined || typeof document !== 'object' || document === null) return undefined;
    return { kind, document };
  } catch {
    return undefined;
  }
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

function operationsOf(kind: Kind<object>, document: object): KvOperation[] {
  return [
    { key: recordKey(kind, kind.name(document)), value: stringifyExact(document) },
    ...[...indexKeys(kind, document)].map((key) => ({ key, value: '' })),
  ];
}

/** A line ends with \n alone: JSON has U+2028 and U+2029 in its texts as they are. */
async function* linesOf(path: string): AsyncIterable<string> {
  let rest: string[] = [];
  try {
    for await (const piece of createReadStream(path, 'utf8')) {
      const [end = '', ...lines] = String(piece).split('\n');
      rest.push(end);
      for (const start of lines) {
        yield rest.join('').replace(/\r$/, '');
        rest = [start];
      }
    }
    const last = rest.join('');
    if (last !== '') yield last;
  } catch (err) {
    if (isAppError(err)) throw err;
    throw new AppError('backup.failed', `cannot read ${path}`, { cause: err });
  }
}

function damaged(path: string): AppError {
  return new AppError(
    'backup.damaged',
    `${path} is damaged, or it is not a backup: use another one`,
  );
}
