// The process of trial.ts. It opens the directory as a server does, reads every entry, and takes a transaction that
// removes and writes some as far as its commit, which it does not make. Where nothing can be written it reads alone.
import { argv, exit, stderr } from 'node:process';
import { ABORT, type RootDatabase } from 'lmdb';
import { openEnvironment } from './environment.ts';
import { isReadOnlySystem, remedyFor } from './host-faults.ts';
import { trialFailed, trialPrevented } from './trial.ts';

/** Takes pages from the list of free ones. */
const largeValue = 'x'.repeat(256 * 1024);

try {
  await tryAll(argv[2] ?? '');
} catch (err) {
  const remedy = remedyFor(err);
  stderr.write(remedy === undefined ? String(err) : `${String(err)}; ${remedy}`);
  exit(remedy === undefined ? trialFailed : trialPrevented);
}

async function tryAll(directory: string): Promise<void> {
  const { db, isReadOnly } = open(directory);
  readAll(db);
  if (!isReadOnly) beginToWrite(db);
  await db.close();
}

/** On a file system that can only be read nobody will write either. */
function open(directory: string): { db: RootDatabase<string, string>; isReadOnly: boolean } {
  try {
    return { db: openEnvironment(directory, false), isReadOnly: false };
  } catch (err) {
    if (!isReadOnlySystem(err)) throw err;
    return { db: openEnvironment(directory, true), isReadOnly: true };
  }
}

function readAll(db: RootDatabase<string, string>): void {
  let last = '';
  for (const { key, value } of db.getRange({ versions: true })) {
    if (key <= last || value.length < 0) throw new Error(`${key} comes after ${last}`);
    last = key;
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
