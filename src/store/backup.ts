// Backups: all records of a store as lines of JSON, from any backend into any other. Indexes are left
// out; restoring makes them anew.
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { AppError, isAppError } from '../core/errors.ts';
import { refuseOthers } from '../core/private-file.ts';
import { stringifyExact } from '../core/exact-json.ts';
import { inDragonflysDialect } from '../model/dragonfly.ts';
import { isActive, type Workflow } from '../model/documents/workflow.ts';
import type { Machine } from '../model/machine.ts';
import { formatVersion, restoringKey } from './format.ts';
import { Damage, type DamagedRecord } from './collections/damage.ts';
import { parseDocument } from './collections/json.ts';
import type { Kv, KvEntry, KvOperation } from './kv/kv.ts';
import { allKinds, indexKeys, kinds, recordKey, type Kind } from './collections/kinds.ts';
import { readDragonflys, type Stored } from './dragonflys-documents.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const formatName = 'dragonfly-backup';
/** Records to a commit while restoring, and how much text. */
const batchRecords = 64;
const batchChars = 256 * 1024;
/** Not the tokens: they are in their settings, where servers of version 0.1.0 restore them from too. Not the
 *  audit log, which those do not know: it has an export of its own. Nor what running servers tell each other. */
const leftOut: ReadonlySet<string> = new Set([
  kinds.tokens.table,
  kinds.audit.table,
  kinds.presences.table,
]);
const backedUp = allKinds.filter(({ table }) => !leftOut.has(table));

export interface BackupOptions {
  /** Each document is written as newer versions of Dragonfly need it. */
  readonly dialect?: 'dragonfly' | undefined;
  /** Called with each record that cannot be read, which the backup goes on without. */
  readonly onDamaged?: ((damaged: DamagedRecord) => void) | undefined;
}

/** Writes all records that can be read to a file, whole or not at all, and returns how many.
 *  Shape: a line {format, version}, a line {table, document} for each record, a line
 *  {records, sha256} over all lines before it.
 *  Errors: AppError `backup.failed` and those of the store. */
export async function backUp(
  kv: Kv,
  path: string,
  { dialect, onDamaged }: BackupOptions = {},
): Promise<number> {
  const partial = `${path}.partial`;
  const file = await attempt(`write ${path}`, async () => {
    refuseOthers(path);
    await rm(partial, { force: true });
    return open(partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  });
  try {
    const text = dialect === undefined ? oneLine : dragonflysLine;
    const write = (lines: string): Promise<void> =>
      attempt(`write ${partial}`, () => file.appendFile(lines));
    const records = await writeLines(kv, text, write, onDamaged ?? (() => {}));
    await attempt(`write ${partial}`, () => file.sync());
    await file.close();
    await attempt(`rename ${partial}`, () => rename(partial, path));
    return records;
  } catch (err) {
    await file.close();
    await rm(partial, { force: true });
    throw err;
  }
}

async function writeLines(
  kv: Kv,
  textOf: (entry: KvEntry, kind: Kind<object>, document: object) => string,
  write: (text: string) => Promise<void>,
  onDamaged: (damaged: DamagedRecord) => void,
): Promise<number> {
  const damage = new Damage(kv);
  const hash = createHash('sha256');
  let records = 0;
  const put = async (text: string): Promise<void> => {
    hash.update(text);
    await write(text);
  };
  await put(`${JSON.stringify({ format: formatName, version: formatVersion })}\n`);
  for (const kind of backedUp) {
    const { table } = kind;
    for await (const piece of kv.scan(`${table}/`)) {
      let lines = '';
      for (const entry of piece) {
        const read = damage.read(kind, entry);
        if ('value' in read) {
          records += 1;
          lines += `{"table":"${table}","document":${textOf(entry, kind, read.value)}}\n`;
        } else onDamaged(read);
      }
      await put(lines);
    }
  }
  await write(`${JSON.stringify({ records, sha256: hash.digest('hex') })}\n`);
  return records;
}

/** A record's stored text, so that nothing that this version does not know can get lost. */
function oneLine({ value }: KvEntry, _kind: Kind<object>, document: object): string {
  return value.includes('\n') ? stringifyExact(document) : value;
}

function dragonflysLine(_entry: KvEntry, kind: Kind<object>, stored: object): string {
  const document = kind.mended?.(stored) ?? stored;
  if (kind.table !== kinds.machines.table) return stringifyExact(document);
  // The table of machines holds nothing else.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return stringifyExact(inDragonflysDialect(document as Machine));
}

/** Puts all records of a backup, or of a file of Dragonfly's documents, into an empty store. The whole file is
 *  verified before anything is written. Returns how many. A restore that was interrupted can be repeated with the
 *  same file. Errors: AppError `backup.damaged`, `backup.failed`, `store.incompatible`, `store.not-empty`, and
 *  those of the store. */
export async function restore(
  kv: Kv,
  path: string,
  from: 'backup' | 'dragonfly' = 'backup',
): Promise<number> {
  const read = from === 'backup' ? readRecord : readDragonflys;
  const { records, sha256 } = await (from === 'backup' ? verify(path) : verifyDocuments(path));
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
  for await (const line of linesOf(path)) {
    const record = read(line);
    if (record === undefined) continue;
    const operations = operationsOf(record.kind, heldIfActive(record));
    if (inBatch === batchRecords || chars + line.length > batchChars) await flush();
    batch.push(...operations);
    inBatch += 1;
    chars += line.length;
  }
  await flush();
  await kv.commit([], [{ key: restoringKey, value: undefined }]);
  return records;
}

/** Refuses a store that holds something, and marks it as being restored. */
async function claim(kv: Kv, sha256: string): Promise<void> {
  const kept = allKinds.filter(({ table }) => table !== kinds.presences.table);
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

async function verify(path: string): Promise<{ records: number; sha256: string }> {
  const hash = createHash('sha256');
  let records = -1;
  let last: string | undefined;
  for await (const line of linesOf(path)) {
    if (last !== undefined) {
      if (records === -1) checkHeader(last, path);
      else checkRecord(readRecord(last), path, records + 2);
      records += 1;
      hash.update(`${last}\n`);
    }
    last = line;
  }
  const sha256 = hash.digest('hex');
  if (last !== JSON.stringify({ records, sha256 })) throw damaged(path);
  return { records, sha256 };
}

async function verifyDocuments(path: string): Promise<{ records: number; sha256: string }> {
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
    checkRecord(record, path, number);
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
  if (keys.size === 0) throw new AppError('backup.damaged', `${path} holds no documents`);
  return { records: keys.size, sha256: hash.digest('hex') };
}

function checkHeader(line: string, path: string): void {
  let header: { format?: unknown; version?: unknown };
  try {
    header = parseDocument('header', line);
  } catch {
    throw damaged(path);
  }
  if (header.format !== formatName || typeof header.version !== 'number') throw damaged(path);
  if (header.version > formatVersion) {
    throw new AppError(
      'store.incompatible',
      `${path} was written by a newer version (format ${header.version}): use that version`,
    );
  }
}

/** Refuses a line that is no record, or one that this version could not find again or read. */
function checkRecord(record: Stored | undefined, path: string, number: number): void {
  if (record === undefined) throw damaged(path);
  try {
    operationsOf(record.kind, record.document);
    record.kind.mended?.(record.document);
  } catch (cause) {
    throw new AppError(
      'backup.damaged',
      `cannot read the record of ${record.kind.table} in line ${number} of ${path}: a field that every such record has is missing or of another type`,
      { cause },
    );
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

/** Holds workflows that were active when the backup was made: they may be done or unwanted by now. */
function heldIfActive({ kind, document }: Stored): object {
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

async function attempt<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (err) {
    throw new AppError('backup.failed', `cannot ${what}`, { cause: err });
  }
}
