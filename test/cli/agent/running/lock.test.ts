import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { lockStateDir } from '../../../../src/cli/agent/running/lock.ts';
import { run } from '../../../../src/cli/agent/running/run.ts';
import { startServer } from '../../../agent/server.ts';
import { temporaryDirectory } from '../../../server/harness.ts';
import { runCommand } from '../../run-command.ts';

const program = join(import.meta.dirname, '../../../../src/cli/dragonfly-agent.ts');

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
  // It keeps what releases the lock, as an agent does: what is collected is released.
  const holder = `const { lockStateDir } = await import(${JSON.stringify(source)});
    globalThis.unlock = lockStateDir(${JSON.stringify(state)}); console.log('locked'); setInterval(() => {}, 1000);`;
  const agent = spawn(process.execPath, ['--input-type=module', '--eval', holder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void agent.kill('SIGKILL'));
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

it('an agent that checks in once without says so beside its answer', async () => {
  const server = await startServer();
  onTestFinished(() => server.close());
  const state = temporaryDirectory();
  writeFileSync(join(state, 'agent.lock'), 'no lock'.repeat(1000));
  const argv = ['--once', '--server', server.url, '--state-dir', state];
  const { stdout, stderr } = await runCommand(run, argv);
  expect(stderr).toMatch(/^nothing keeps a second agent of this host away: .*not a database.*\n$/);
  expect(JSON.parse(stdout)).toMatchObject({ is_new: true });
});

it.skipIf(!existsSync('/usr/bin/script'))(
  'an agent on a terminal that runs without says so on its screen (needs script)',
  async () => {
    const state = temporaryDirectory();
    writeFileSync(join(state, 'agent.lock'), 'no lock'.repeat(1000));
    const [, ...rest] = args(state);
    const line = [process.execPath, program, 'run', ...rest].join(' ');
    // script(1) is the terminal.
    const agent = spawn('script', ['--quiet', '--flush', '--command', line, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    onTestFinished(() => void agent.kill());
    let shown = '';
    for await (const chunk of agent.stdout) {
      shown += String(chunk);
      if (shown.includes('nothing keeps a second agent of this host away')) break;
    }
    expect(shown).toContain('nothing keeps a second agent of this host away');
  },
);
