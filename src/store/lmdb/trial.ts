// Has a process of its own open a data directory, read all of it and begin to write: what LMDB does not survive ends
// that process, not this one.
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { execPath } from 'node:process';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../core/errors.ts';
import { dataFileName } from './lmdb-file.ts';

/** The trial's exit codes where LMDB gave an error, and where the host kept it from its work. */
export const trialFailed = 3;
export const trialPrevented = 4;

/** Signals that a process gets for its own fault. */
const crashes: ReadonlySet<string> = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGTRAP',
]);

/** The time that a trial may take: a slow disk reads so much, and some time passes before. LMDB may go round and round
 *  in a damaged file. */
const bytesPerSecond = 4 * 1024 * 1024;
const leastMs = 60_000;

/** The way in which LMDB failed on a directory that nobody has open; undefined if it did not, or where no process can
 *  be started. Errors: AppError `store.unavailable` if the process was ended before it could tell. */
export function tryDirectory(directory: string, limitMs = limitFor(directory)): string | undefined {
  if (isSea()) return undefined;
  const here = import.meta.url;
  const program = fileURLToPath(new URL(`./trial-process${extname(here)}`, here));
  const ended = spawnSync(execPath, [program, directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  if (isTimeout(ended.error)) throw tooSlow(directory, limitMs);
  return problemOf(directory, ended);
}

function limitFor(directory: string): number {
  const { size } = statSync(join(directory, dataFileName));
  return Math.ceil(leastMs + (size / bytesPerSecond) * 1000);
}

function isTimeout(err: Error | undefined): boolean {
  return err !== undefined && 'code' in err && err.code === 'ETIMEDOUT';
}

function tooSlow(directory: string, limitMs: number): AppError {
  return new AppError(
    'store.unavailable',
    `the process that tries the data in ${directory} did not end in ${Math.ceil(limitMs / 1000)} seconds: the disk is very slow, or the data damaged in a way that LMDB does not notice; start it again, and restore a backup if it ends like this again`,
  );
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
  const said = stderr.trim().slice(0, 200);
  if (status === trialPrevented) {
    throw new AppError('store.unavailable', `cannot try the data in ${directory}: ${said}`);
  }
  return status === trialFailed ? `LMDB cannot read it: ${said}` : undefined;
}
