// Has a process of its own walk a data file and then, with LMDB, open its directory, read all of it and begin to write:
// this process goes on meanwhile, and what LMDB does not survive ends that one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { execPath } from 'node:process';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../core/errors.ts';
import { dataFileName, problemIn } from './walk/lmdb-file.ts';

/** The trial's exit codes: LMDB gave an error, the host kept it from its work, or the walk found damage. */
export const trialFailed = 3;
export const trialPrevented = 4;
export const walkFailed = 5;
const outcomes: ReadonlySet<number> = new Set([0, trialFailed, trialPrevented, walkFailed]);

/** Signals that a process gets for its own fault. */
const crashes: ReadonlySet<string> = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGTRAP',
]);

/** The time that a trial may take: a slow disk reads so much, twice, and some time passes before. LMDB may go round and
 *  round in a damaged file. */
const bytesPerSecond = 2 * 1024 * 1024;
const leastMs = 60_000;

/** So much is kept of the words of that process. */
const mostChars = 4096;

export interface TrialOptions {
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
  /** Told the share that is done, 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined;
  /** A server has the directory open: nothing is written. */
  readonly isOpen?: boolean;
  readonly limitMs?: number;
}

/** The fault in the data of a directory, if there is one. Where no other process can do it, this one walks the file, and
 *  nothing else. Errors: AppError `store.unavailable` if that process was ended before it could tell; the signal's
 *  reason. */
export async function tryDirectory(
  directory: string,
  options: TrialOptions = {},
): Promise<string | undefined> {
  const ended = isSea() ? undefined : await run(directory, options);
  options.signal?.throwIfAborted();
  return ended === undefined
    ? problemIn(directory, { whole: true, onProgress: options.onProgress })
    : problemOf(directory, ended);
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** The end of the process; undefined if it could not be started, or ended before it began. */
async function run(
  directory: string,
  { signal, onProgress, isOpen = false, limitMs = limitFor(directory) }: TrialOptions,
): Promise<Ended | undefined> {
  signal?.throwIfAborted();
  const child = await started(directory, isOpen);
  if (child === undefined) return undefined;
  let isLate = false;
  const kill = () => child.kill('SIGKILL');
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, limitMs);
  signal?.addEventListener('abort', kill);
  let stderr = '';
  child.stdout.on('data', (text) => {
    const percent = String(text).trim().split('\n').at(-1);
    onProgress?.(Number(percent) / 100);
  });
  child.stderr.on('data', (text) => {
    stderr = `${stderr}${String(text)}`.slice(0, mostChars);
  });
  try {
    if (signal?.aborted === true) kill();
    await once(child, 'close');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
  if (isLate) throw tooSlow(directory, limitMs);
  const { exitCode: status, signalCode } = child;
  const hasBegun = signalCode !== null || (status !== null && outcomes.has(status));
  return hasBegun ? { status, signal: signalCode, stderr } : undefined;
}

/** Undefined where there are too many processes, or too little memory. */
async function started(directory: string, isOpen: boolean) {
  const here = import.meta.url;
  const program = fileURLToPath(new URL(`./trial-process${extname(here)}`, here));
  const args = [program, directory, ...(isOpen ? ['open'] : [])];
  try {
    const child = spawn(execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    await once(child, 'spawn');
    return child;
  } catch {
    return undefined;
  }
}

function limitFor(directory: string): number {
  const { size } = statSync(join(directory, dataFileName));
  return Math.ceil(leastMs + (size / bytesPerSecond) * 1000);
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
  { signal, status, stderr }: Ended,
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
  if (status === walkFailed) return said;
  return status === trialFailed ? `LMDB cannot read it: ${said}` : undefined;
}
