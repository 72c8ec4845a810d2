import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lockStateDir } from '../../../../src/cli/agent/running/lock.ts';
import { run } from '../../../../src/cli/agent/running/run.ts';
import { temporaryDirectory } from '../../../server/harness.ts';
import { runCommand } from '../../run-command.ts';

const args = (state: string): string[] => {
  return ['--once', '--server', 'http://127.0.0.1:1', '--state-dir', state];
};

it('a second agent of a host is refused with a sentence', async () => {
  const state = temporaryDirectory();
  const unlock = lockStateDir(state);
  await expect(runCommand(run, args(state))).rejects.toMatchObject({
    code: 'agent.running',
    message: expect.stringMatching(/^another agent runs on this host .*stop it first/),
  });
  unlock();
  lockStateDir(state)();
});

it('an agent for a captured machine runs beside', async () => {
  const state = temporaryDirectory();
  const unlock = lockStateDir(state);
  const machine = join(import.meta.dirname, '../../../../fixtures/machines/qemu-two-sockets/root');
  await expect(runCommand(run, [...args(state), '--root', machine])).rejects.toMatchObject({
    code: 'server.unreachable',
  });
  unlock();
});

it('the lock of an agent that was killed counts for nothing', async () => {
  const state = temporaryDirectory();
  const source = join(import.meta.dirname, '../../../../src/cli/agent/running/lock.ts');
  const program = `const { lockStateDir } = await import(${JSON.stringify(source)});
    lockStateDir(${JSON.stringify(state)}); console.log('locked'); setInterval(() => {}, 1000);`;
  const agent = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(agent.stdout, 'data');
  expect(() => lockStateDir(state)).toThrow(/another agent runs/);
  agent.kill('SIGKILL');
  await once(agent, 'exit');
  lockStateDir(state)();
});

it('nobody else can take the lock, as the file is for its owner alone', () => {
  const state = temporaryDirectory();
  lockStateDir(state)();
  expect(statSync(join(state, 'agent.lock')).mode & 0o777).toBe(0o600);
  const earlier = temporaryDirectory();
  writeFileSync(join(earlier, 'agent.lock'), '', { mode: 0o644 });
  lockStateDir(earlier)();
  expect(statSync(join(earlier, 'agent.lock')).mode & 0o777).toBe(0o600);
});

it('where no lock can be taken, it runs without, and is told why', () => {
  const reasons: string[] = [];
  const note = (reason: string): void => void reasons.push(reason);
  expect(lockStateDir('/proc/none', note)).toBeTypeOf('function');
  const state = temporaryDirectory();
  writeFileSync(join(state, 'agent.lock'), 'no lock'.repeat(1000));
  expect(lockStateDir(state, note)).toBeTypeOf('function');
  expect(reasons).toEqual([
    expect.stringContaining('/proc/none'),
    expect.stringContaining('not a database'),
  ]);
});

it('an agent that runs without says so in its log', async () => {
  const state = temporaryDirectory();
  writeFileSync(join(state, 'agent.lock'), 'no lock'.repeat(1000));
  const [, ...rest] = args(state);
  const { stderr } = await runCommand(run, rest, AbortSignal.abort());
  expect(stderr).toContain('nothing keeps a second agent of this host away');
});
