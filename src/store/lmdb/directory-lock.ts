// One server to a data directory. The lock is the kernel's (on a SQLite file, because Node cannot lock
// a file itself): it ends with its process, however that ends, so none is ever stale.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../core/errors.ts';

export const lockName = 'in-use.lock';

/** Locks a directory and returns what releases it.
 *  Errors: AppError `store.in-use`, `store.unavailable`. */
export function lockDirectory(directory: string): () => void {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(join(directory, lockName), { timeout: 0 });
    // No journal beside the lock: a full disk must not keep a server from starting.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (err) {
    lock?.close();
    throw isBusy(err)
      ? new AppError('store.in-use', `another server is using ${directory}: stop it first`)
      : new AppError(
          'store.unavailable',
          `cannot lock ${directory}: let this user write in it, or name another with --data`,
          { cause: err },
        );
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
