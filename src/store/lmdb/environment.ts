// LMDB's environment: it is opened, in the server and in the process that tries it first, and says how it fails.
import { open, type RootDatabase } from 'lmdb';
import { AppError } from '../../core/errors.ts';
import { NoWrites } from '../kv/errors.ts';

export function openEnvironment(
  directory: string,
  readOnly: boolean,
): RootDatabase<string, string> {
  return open<string, string>({
    path: directory,
    readOnly,
    // Without this, a directory with a dot in its name is taken for a file.
    noSubdir: false,
    encoding: 'string',
    useVersions: true,
    // In the default mode a process that follows one that was killed can fail with MDB_PANIC.
    overlappingSync: false,
    // By default each turn's batch has a promise that nobody can get at, and when its commit fails,
    // nobody can catch its rejection: that ends the process.
    eventTurnBatching: false,
  });
}

/** The number of keys in it. */
export function entriesOf(db: RootDatabase<string, string>): number {
  const { entryCount }: { entryCount?: unknown } = db.getStats();
  return typeof entryCount === 'number' ? entryCount : Infinity;
}

/** An operation failed for another reason than a lack of space. The codes of LMDB are negative, those of the system are not: a
 *  file system that it made read-only takes no write any more. */
export function failureTo(what: 'read' | 'write', directory: string, cause: unknown): AppError {
  const message = `cannot ${what} the data in ${directory}`;
  const isOfSystem = cause instanceof Error && 'code' in cause && Number(cause.code) > 0;
  if (what === 'write' && isOfSystem) return new NoWrites(message, cause);
  return new AppError('store.unavailable', message, { cause });
}
