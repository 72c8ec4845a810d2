// Writes backups: all records of a store as lines of JSON, from any backend into any other. Indexes are left
// out; restoring (restore.ts) makes them anew.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';
import { refuseOthers } from '../../core/files/private-file.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';
import { inDragonflysDialect } from '../../model/dragonfly.ts';
import type { Machine } from '../../model/machine.ts';
import { nextTurn } from '../../core/turns.ts';
import { backupFormat, formatVersion, markRevision } from '../format.ts';
import { Damage, type DamagedRecord } from '../collections/damage.ts';
import type { Kv, KvEntry } from '../kv/kv.ts';
import { allKinds, kinds, type Kind } from '../collections/kinds.ts';
import { isSession } from './records.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
/** Not the tokens: they are in their settings, where servers of version 0.1.0 restore them from too. Not the
 *  audit log, which those do not know: it has an export of its own. Nor what running servers tell each other, or have
 *  not posted yet, nor the logs of machines. */
const leftOut: ReadonlySet<string> = new Set([
  kinds.tokens.table,
  kinds.audit.table,
  kinds.presences.table,
  kinds.deliveries.table,
  kinds.leases.table,
  kinds.logs.table,
]);
const backedUp = new Map(
  allKinds.filter(({ table }) => !leftOut.has(table)).map((kind) => [`${kind.table}/`, kind]),
);

export interface BackupOptions {
  /** Each document is written as newer versions of Dragonfly need it. */
  readonly dialect?: 'dragonfly' | undefined;
  /** Called with each record that cannot be read, which the backup goes on without. */
  readonly onDamaged?: ((damaged: DamagedRecord) => void) | undefined;
  /** Records that are read at once: few in a server, where others wait and the largest ones must fill no memory. */
  readonly atOnce?: number;
}

/** Writes all records that can be read to a file, whole or not at all, and returns how many.
 *  Errors: AppError `backup.failed` and those of the store. */
export async function backUp(kv: Kv, path: string, options: BackupOptions = {}): Promise<number> {
  const partial = `${path}.partial`;
  const file = await attempt(`write ${path}`, async () => {
    refuseOthers(path);
    await rm(partial, { force: true });
    return open(partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  });
  try {
    const lines = backupText(kv, new Damage(kv), options);
    let piece = await lines.next();
    for (; piece.done !== true; piece = await lines.next()) {
      const { value } = piece;
      await attempt(`write ${partial}`, () => file.appendFile(value));
    }
    const records = piece.value;
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

/** Yields the lines of a backup, and returns the number of records. They are of one moment where their reader takes no
 *  longer than the backend can hold a snapshot.
 *  Shape: a line {format, version}, a line {table, document} for each record, a line {records, sha256} over all lines
 *  before it. Errors: those of the store; AppError `store.unavailable` where it is none, or is replaced meanwhile. */
export async function* backupText(
  kv: Kv,
  damage: Damage,
  { dialect, onDamaged, atOnce }: BackupOptions = {},
): AsyncGenerator<string, number> {
  const textOf = dialect === undefined ? oneLine : dragonflysLine;
  const hash = createHash('sha256');
  const hashed = (text: string): string => {
    hash.update(text);
    return text;
  };
  let records = 0;
  const mark = await markRevision(kv);
  if (mark === undefined) throw beingRestored();
  yield hashed(`${JSON.stringify({ format: backupFormat, version: formatVersion })}\n`);
  for await (const piece of piecesOf(kv, atOnce)) {
    let lines = '';
    for (const entry of piece) {
      const kind = kindOf(entry);
      const read = damage.read(kind, entry);
      if ('value' in read) {
        if (isSession({ kind, document: read.value })) continue;
        records += 1;
        lines += `{"table":"${kind.table}","document":${textOf(entry, kind, read.value)}}\n`;
      } else onDamaged?.(read);
    }
    yield hashed(lines);
    // Nobody waits for them.
    await nextTurn();
  }
  if ((await markRevision(kv)) !== mark) throw replaced();
  if (mark === 0 && records === 0) throw nothingThere();
  yield `${JSON.stringify({ records, sha256: hash.digest('hex') })}\n`;
  return records;
}

function piecesOf(kv: Kv, atOnce: number | undefined): AsyncIterable<readonly KvEntry[]> {
  return kv.scanAll?.([...backedUp.keys()], atOnce) ?? scanEach(kv);
}

/** Not of a single moment, but whole: the backend of an embedder need not read several tables at once. */
async function* scanEach(kv: Kv): AsyncGenerator<readonly KvEntry[]> {
  for (const prefix of backedUp.keys()) yield* kv.scan(prefix);
}

/** Errors: an Error where the backend gave what it was not asked for. */
function kindOf({ key }: KvEntry): Kind<object> {
  const kind = backedUp.get(key.slice(0, key.indexOf('/') + 1));
  if (kind === undefined) throw new Error(`${key} is not to be in a backup`);
  return kind;
}

function nothingThere(): AppError {
  return new AppError(
    'store.unavailable',
    'there is nothing to back up: no server has used this store',
  );
}

function beingRestored(): AppError {
  return new AppError(
    'store.unavailable',
    'a backup is being restored into this store, or its restore was interrupted: finish that first',
  );
}

/** Without its last line nobody takes the backup for a whole one. */
function replaced(): AppError {
  return new AppError(
    'store.unavailable',
    'the store was emptied or restored while it was backed up: make the backup again',
  );
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

async function attempt<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (err) {
    throw new AppError('backup.failed', `cannot ${what}`, { cause: err });
  }
}
