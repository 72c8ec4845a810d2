// The kernel's lock on a file, which ends with its process, however that ends, so that none is ever stale. It is taken by
// SQLite, because Node cannot lock a file itself.
import { DatabaseSync } from 'node:sqlite';
import { ensurePrivate } from './private-file.ts';

/** Locks a file, which is made where it is missing, and returns what releases it; undefined where somebody else has
 *  locked it. Errors: those of the system and of SQLite, for a file that cannot be locked. */
export function lockFile(path: string): (() => void) | undefined {
  // Whoever may read the file could lock it too, and keep everybody out.
  ensurePrivate(path);
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout: 0 });
    // No journal beside the lock: a full disk must not keep a program from starting.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (err) {
    lock?.close();
    if (isBusy(err)) return undefined;
    throw err;
  }
  const held = lock;
  return () => {
    held.close();
  };
}

/** SQLITE_BUSY, which Node gives as `errcode`. */
function isBusy(err: unknown): boolean {
  return err instanceof Error && 'errcode' in err && err.errcode === 5;
}
