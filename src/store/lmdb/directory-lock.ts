// One server to a data directory.
import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { lockFile } from '../../core/files/lock-file.ts';
import { remedyFor } from './host-faults.ts';

export const lockName = 'in-use.lock';
/** The advice where nothing else is known. */
export const letWrite = 'let this user write in it';

/** Locks a directory and returns what releases it.
 *  Errors: AppError `store.in-use`, `store.unavailable`. */
export function lockDirectory(directory: string): () => void {
  const release = lock(directory);
  if (release !== undefined) return release;
  throw new AppError('store.in-use', `another server is using ${directory}: stop it first`);
}

function lock(directory: string): (() => void) | undefined {
  try {
    return lockFile(join(directory, lockName));
  } catch (err) {
    throw new AppError(
      'store.unavailable',
      `cannot lock ${directory}: ${remedyFor(err) ?? letWrite}, or name another with --data`,
      { cause: err },
    );
  }
}
