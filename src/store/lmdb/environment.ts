// Opens LMDB's environment, in the server and in the process that tries it first.
import { open, type RootDatabase } from 'lmdb';

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
