// Has a process of its own open a data directory, read all of it and begin to write: what LMDB does not survive ends
// that process, not this one.
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { extname } from 'node:path';
import { execPath } from 'node:process';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../core/errors.ts';

/** The trial's exit code where LMDB gave an error. */
export const trialFailed = 3;

/** Signals that a process gets for its own fault. */
const crashes: ReadonlySet<string> = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGTRAP',
]);

/** The way in which LMDB failed on a directory that nobody has open; undefined if it did not, or where no process can
 *  be started. Errors: AppError `store.unavailable` if the process was ended before it could tell. */
export function tryDirectory(directory: string): string | undefined {
  if (isSea()) return undefined;
  const here = import.meta.url;
  const program = fileURLToPath(new URL(`./trial-process${extname(here)}`, here));
  const ended = spawnSync(execPath, [program, directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  return problemOf(directory, ended);
}

/** The problem that the end of a trial shows. Errors: as `tryDirectory`. */
export function problemOf(
  directory: string,
  { signal, status, stderr }: Pick<SpawnSyncReturns<string>, 'signal' | 'status' | 'stderr'>,
): string | undefined {
  if (signal !== null && crashes.has(signal)) return `LMDB ended with ${signal} on reading it`;
  // Ctrl-C, the end of the service or a lack of memory: it says nothing of the data.
  if (signal !== null) {
    throw new AppError(
      'store.unavailable',
      `the process that tries the data in ${directory} was ended by ${signal}: start it again`,
    );
  }
  return status === trialFailed ? `LMDB cannot read it: ${stderr.trim().slice(0, 200)}` : undefined;
}
