// Runs a command of the host, bounded in time and output.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { kill } from 'node:process';
import type { Readable } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { inTime } from '../core/deadline.ts';
import { AppError } from '../core/errors.ts';
import { errnoOf, timeoutError } from './read-error.ts';

/** For comparison: a full `dmidecode` of a large server prints half a megabyte. */
const maxOutputBytes = 8 * 1024 * 1024;

export interface CommandOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Runs a command with empty standard input and returns its standard output; undefined if there is no such
 *  command. If it takes too long or prints too much, it is killed with everything it started.
 *  Errors: AppError `exec.failed`, `read.too-large`, `read.timeout`. */
export async function runCommand(
  tool: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<string | undefined> {
  // Not every user's search path has the directories of system tools.
  for (const file of tool.includes('/') ? [tool] : [tool, `/usr/sbin/${tool}`, `/sbin/${tool}`]) {
    try {
      return await run(file, args, options);
    } catch (err) {
      if (errnoOf(err) !== 'ENOENT') throw err;
    }
  }
  return undefined;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

async function run(
  file: string,
  args: readonly string[],
  { timeoutMs, clock }: CommandOptions,
): Promise<string> {
  const command = [file, ...args].join(' ');
  // A process group of its own, so that its children are killed with it.
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  try {
    const late = (): Error => timeoutError(command, timeoutMs);
    return await inTime(outputOf(child, command), clock, timeoutMs, late);
  } catch (err) {
    killGroup(child);
    throw err;
  }
}

function outputOf(child: Child, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let complaint = '';
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= maxOutputBytes) return;
      reject(
        new AppError('read.too-large', `${command} printed too much`, { details: { command } }),
      );
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < 300) complaint += chunk.toString('utf8').slice(0, 300);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) {
        resolve(Buffer.concat(chunks).toString('utf8'));
        return;
      }
      const reason = complaint.trim().split('\n')[0] ?? '';
      const cause = new Error(reason === '' ? `it ended with ${String(code ?? signal)}` : reason);
      reject(new AppError('exec.failed', `${command} failed`, { cause, details: { command } }));
    });
  });
}

/** Kills a command that nobody waits for any more. If it is stuck in the kernel, it stays behind. */
function killGroup(child: Child): void {
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
  if (child.pid === undefined) return;
  try {
    kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
