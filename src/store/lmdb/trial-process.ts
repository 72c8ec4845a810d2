// The process of trial.ts. It walks the data file, opens its directory as a server does, reads every entry, and takes a
// transaction that removes and writes some as far as its commit, which it does not make. Where a server has the directory
// open, or nothing can be written, it reads alone. It prints each percent that is done.
import { writeSync } from 'node:fs';
import { argv, exit, stderr } from 'node:process';
import { ABORT, type RootDatabase } from 'lmdb';
import { AppError, describeError } from '../../core/errors.ts';
import { entriesOf, openEnvironment } from './environment.ts';
import { isReadOnlySystem, remedyFor } from './host-faults.ts';
import { problemIn } from './walk/lmdb-file.ts';
import { trialFailed, trialPrevented, walkFailed } from './trial.ts';

/** Takes pages from the list of free ones. */
const largeValue = 'x'.repeat(256 * 1024);

const [, , directory = '', state] = argv;
let percent = 0;

try {
  const problem = problemIn(directory, { whole: true, onProgress: (share) => tell(share / 2) });
  if (problem !== undefined) end(walkFailed, problem);
  await tryAll(state === 'open');
} catch (err) {
  if (err instanceof AppError) end(trialPrevented, describeError(err));
  const remedy = remedyFor(err);
  if (remedy === undefined) end(trialFailed, String(err));
  end(trialPrevented, `${String(err)}; ${remedy}`);
}

function end(code: number, said: string): never {
  stderr.write(said);
  exit(code);
}

/** Fails where nobody listens any more, which ends this process after the one that started it. */
function tell(share: number): void {
  const now = Math.floor(share * 100);
  if (now <= percent) return;
  percent = now;
  writeSync(1, `${percent}\n`);
}

async function tryAll(isOpen: boolean): Promise<void> {
  const { db, isReadOnly } = isOpen
    ? { db: openEnvironment(directory, true), isReadOnly: true }
    : open();
  readAll(db);
  if (!isReadOnly) beginToWrite(db);
  await db.close();
}

/** On a file system that can only be read nobody will write either. */
function open(): { db: RootDatabase<string, string>; isReadOnly: boolean } {
  try {
    return { db: openEnvironment(directory, false), isReadOnly: false };
  } catch (err) {
    if (!isReadOnlySystem(err)) throw err;
    return { db: openEnvironment(directory, true), isReadOnly: true };
  }
}

function readAll(db: RootDatabase<string, string>): void {
  const entries = entriesOf(db);
  let last = '';
  let read = 0;
  for (const { key, value } of db.getRange({ versions: true })) {
    if (key <= last || value.length < 0) throw new Error(`${key} comes after ${last}`);
    last = key;
    read += 1;
    tell((1 + read / entries) / 2);
  }
}

function beginToWrite(db: RootDatabase<string, string>): void {
  const keys = [...db.getKeys({ limit: 8 }), ...db.getKeys({ limit: 8, reverse: true })];
  db.transactionSync(() => {
    for (const key of new Set(keys)) db.removeSync(key);
    for (let n = 0; n < 8; n += 1) db.putSync(`machines/trial-${n}`, largeValue, n + 1);
    return ABORT;
  });
}
