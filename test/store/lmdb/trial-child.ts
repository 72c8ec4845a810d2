// The process that tries the data for another one, to be stopped or ended in the middle of it.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** Waits until a process has such a child, and returns its id. */
export async function trialOf(pid: number | undefined): Promise<number> {
  let found: number | undefined;
  await expect.poll(() => (found = trials(pid)[0]), { interval: 2, timeout: 30_000 }).toBeDefined();
  return found ?? 0;
}

function trials(pid: number | undefined): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean),
  );
  return children
    .filter((child) => read(`/proc/${child}/cmdline`).includes('trial-process'))
    .map(Number);
}

/** "" where it has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** True until a process has ended. */
export function runs(pid: number): boolean {
  return /^\d+ \(.*\) [^ZX]/s.test(read(`/proc/${pid}/stat`));
}
