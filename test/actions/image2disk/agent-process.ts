// An agent's process that carries out a workflow on a loop device, and is killed in the midst of it.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LoopDisk } from '../../sources/writing/loop.ts';

const victim = fileURLToPath(new URL('victim.ts', import.meta.url));

/** Runs the agent, and kills it after so many milliseconds, when it has said something, or when a promise is kept. */
export async function agent(
  disk: LoopDisk,
  actions: readonly object[],
  journal: string,
  kill?: number | string | Promise<unknown>,
  boot = 'this boot',
) {
  const startMs = performance.now();
  const child = spawn(process.execPath, [
    victim,
    disk.path,
    journal,
    JSON.stringify(actions),
    boot,
  ]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
    if (typeof kill === 'string' && said.includes(kill)) child.kill('SIGKILL');
  });
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const timer = setTimeout(() => child.kill('SIGKILL'), typeof kill === 'number' ? kill : 90_000);
  if (kill instanceof Promise) void kill.then(() => child.kill('SIGKILL'));
  const code = await new Promise((resolve) => {
    child.once('close', resolve);
  });
  clearTimeout(timer);
  return { code, said, tookMs: performance.now() - startMs };
}
