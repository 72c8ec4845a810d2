// Has a process of its own open a data directory, read all of it and begin to write: what LMDB does not survive ends
// that process, not this one.
import { spawnSync } from 'node:child_process';
import { extname } from 'node:path';
import { execPath } from 'node:process';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';

/** The trial's exit code where LMDB gave an error. */
export const trialFailed = 3;

/** The way in which LMDB failed on a directory that nobody has open; undefined if it did not, or where no process can
 *  be started. */
export function tryDirectory(directory: string): string | undefined {
  if (isSea()) return undefined;
  const here = import.meta.url;
  const program = fileURLToPath(new URL(`./trial-process${extname(here)}`, here));
  const { signal, status, stderr } = spawnSync(execPath, [program, directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (signal !== null) return `LMDB ended with ${signal} on reading it`;
  return status === trialFailed ? `LMDB cannot read it: ${stderr.trim().slice(0, 200)}` : undefined;
}
