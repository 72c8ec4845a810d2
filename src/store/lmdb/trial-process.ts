// The process of trial.ts. It opens the directory as a server does, reads every entry, and takes a transaction that
// removes and writes some as far as its commit, which it does not make.
import { argv, exit, stderr } from 'node:process';
import { ABORT, type RootDatabase } from 'lmdb';
import { openEnvironment } from './environment.ts';
import { trialFailed } from './trial.ts';

/** Takes pages from the list of free ones. */
const largeValue = 'x'.repeat(256 * 1024);

try {
  const db = openEnvironment(argv[2] ?? '', false);
  readAll(db);
  beginToWrite(db);
  await db.close();
} catch (err) {
  stderr.write(String(err));
  exit(trialFailed);
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
