// Opens the embedded store's directory: one server at a time, and only data that is whole.
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { makeDirectories } from '../../core/files/named-file.ts';
import { makePrivate, refuseOthers } from '../../core/files/private-file.ts';
import { letWrite, lockDirectory, lockName } from './directory-lock.ts';
import { remedyFor } from './host-faults.ts';
import type { Kv, OpenOptions } from '../kv/kv.ts';
import { damagedFile, dataFileName, verifyDataFile } from './walk/lmdb-file.ts';
import { LmdbKv } from './lmdb.ts';
import { reserveName } from './reserve.ts';
import { tryDirectory } from './trial.ts';

/** Errors: AppError `store.in-use`, `store.damaged`, `store.unavailable`; the signal's reason. */
export async function openDirectory(
  directory: string,
  options: OpenOptions,
  clock: Clock,
): Promise<Kv> {
  const { readOnly = false } = options;
  prepare(directory, options);
  const release = readOnly ? lockIfFree(directory) : lockDirectory(directory);
  try {
    // While a server writes, its pages cannot be told from damaged ones.
    if (release !== undefined) await verify(directory, options);
    if (!readOnly) markOpen(directory);
    const close = (): void => {
      if (!readOnly) rmSync(join(directory, openName), { force: true });
      release?.();
    };
    const kv = LmdbKv.open(directory, { readOnly, release: close, clock });
    // New files have the mode that the user's mask leaves them.
    if (!readOnly) for (const file of files) makePrivate(join(directory, file));
    return kv;
  } catch (err) {
    release?.();
    if (err instanceof AppError || options.signal?.aborted === true) throw err;
    throw new AppError(
      'store.unavailable',
      `cannot open ${directory}: ${remedyFor(err) ?? letWrite}, or name another with --data`,
      { cause: err },
    );
  }
}

/** Present while a server has the directory open, and after one that did not close it. */
const openName = 'not-closed';

/** Walks the file's upper pages. The whole file is walked and tried, by another process, where that is asked for or the
 *  last server did not close it: the machine may have lost its power, or its disk. Errors: AppError `store.damaged`,
 *  `store.unavailable`; the signal's reason. */
async function verify(
  directory: string,
  { verifyWhole = false, signal, onCheck }: OpenOptions,
): Promise<void> {
  const size = statSync(join(directory, dataFileName), { throwIfNoEntry: false })?.size;
  const isDoubtful = verifyWhole || existsSync(join(directory, openName));
  if (!isDoubtful || size === undefined) {
    verifyDataFile(directory);
    return;
  }
  const onProgress = await onCheck?.(size);
  const problem = await tryDirectory(directory, { signal, onProgress });
  if (problem !== undefined) throw damagedFile(directory, problem);
}

function markOpen(directory: string): void {
  const file = openSync(join(directory, openName), 'w', 0o600);
  fsyncSync(file);
  closeSync(file);
}

/** Its files. The first holds everything, the last keeps room for removals, the others say who uses it. */
const files = [dataFileName, 'lock.mdb', lockName, openName, reserveName];

function prepare(directory: string, { readOnly = false, mustExist = false }: OpenOptions): void {
  const isRead = readOnly || mustExist;
  try {
    if (isRead) accessSync(join(directory, dataFileName), constants.R_OK);
    else makeDirectories(directory, 0o700);
    for (const file of files) {
      if (readOnly) refuseOthers(join(directory, file));
      else makePrivate(join(directory, file));
    }
  } catch (err) {
    const what = isRead ? 'no data to read in' : 'cannot use the data directory';
    const remedy = isRead ? undefined : remedyFor(err);
    const advice =
      remedy === undefined ? 'name one that this user may use' : `${remedy}, or name another`;
    throw new AppError('store.unavailable', `${what} ${directory}: ${advice} with --data`, {
      cause: err,
    });
  }
}

function lockIfFree(directory: string): (() => void) | undefined {
  try {
    return lockDirectory(directory);
  } catch (err) {
    // A running server has it; or this user may only read, and then nobody else's lock can be seen.
    if (isAppError(err, 'store.in-use') || isAppError(err, 'store.unavailable')) return undefined;
    throw err;
  }
}
