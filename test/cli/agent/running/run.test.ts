// The agent's program as a user starts it.
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../../src/cli/agent/running/run.ts';
import { startServer, type TestServer } from '../../../agent/server.ts';
import { runCommand } from '../../run-command.ts';

const program = join(import.meta.dirname, '../../../../src/cli/dragonfly-agent.ts');
const machine = join(import.meta.dirname, '../../../../fixtures/machines/qemu-two-sockets/root');

function start(...args: string[]) {
  return spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function finish(child: ReturnType<typeof start>) {
  const code = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const [out, err] = await Promise.all(
    [child.stdout, child.stderr].map(async (s) =>
      Buffer.concat(await s.toArray()).toString('utf8'),
    ),
  );
  return { code: await code, out, err };
}

describe('dragonfly-agent run', () => {
  let server: TestServer;
  let state: string;
  beforeEach(async () => {
    server = await startServer();
    state = await mkdtemp(join(tmpdir(), 'run-'));
  });
  afterEach(async () => {
    await server.close();
    await rm(state, { recursive: true });
  });

  it('prints the answer as JSON with --once, and is known the second time', async () => {
    const once = ['run', '--once', '--server', server.url, '--root', machine];
    const first = await finish(start(...once));
    const second = await finish(start(...once));
    expect([first.code, first.err, second.code]).toEqual([0, '', 0]);
    const { id, report } = (await server.store.machines.list()).items[0]?.value ?? {};
    expect(JSON.parse(first.out ?? '')).toMatchObject({ machine_id: id, is_new: true });
    expect(JSON.parse(second.out ?? '')).toMatchObject({ machine_id: id, is_new: false });
    // Its capture has no address; the one of the host that replays it is another machine's.
    expect(report?.ip_address).toBeNull();
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('stops cleanly on %s', async (signal) => {
    const agent = start('run', '--server', server.url, '--root', machine, '--log', 'info');
    for await (const line of createInterface({ input: agent.stderr })) {
      if (line.includes('checked in')) break;
    }
    const ended = new Promise((resolve) => {
      agent.once('close', resolve);
    });
    agent.stderr.resume();
    agent.kill(signal);
    expect(await ended).toBe(0);
  });

  it('does nothing before the file of --after is there, then checks in', async () => {
    const after = join(state, 'network');
    const log = ['--log', 'info', '--root', machine];
    const agent = start('run', '--server', server.url, '--after', after, ...log);
    const lines = createInterface({ input: agent.stderr });
    const other = await finish(
      start('run', '--once', '--server', server.url, '--after', program, '--root', machine),
    );
    const before = (await server.store.machines.list()).items.length;
    await writeFile(after, '');
    for await (const line of lines) if (line.includes('checked in')) break;
    agent.kill();
    expect([other.code, before]).toEqual([0, 1]);
  });

  it('stops cleanly while it waits for the file of --after', async () => {
    const stop = new AbortController();
    const ended = runCommand(run, ['--after', join(state, 'never')], stop.signal);
    stop.abort();
    expect(await ended).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('calls no server that a captured machine names', async () => {
    const capture = join(state, 'root');
    await mkdir(join(capture, 'proc'), { recursive: true });
    await writeFile(join(capture, 'proc/cmdline'), `dragonfly.url=${server.url}\n`);
    const { code, err } = await finish(start('run', '--once', '--root', capture));
    expect(code).toBe(2);
    expect(err).toContain(
      'no server is known: looked at --server; DRAGONFLY_URL; dragonfly.url on the',
    );
  });

  it('ends with its screen and its sign of life where it cannot begin', async () => {
    const beside = ['--screen', '/dev/null', '--alive', join(state, 'alive')];
    const agent = start('run', '--root', '/nowhere', '--server', server.url, ...beside);
    const { code, err } = await finish(agent);
    expect(code).toBe(2);
    expect(err).toContain('[config.invalid]');
    expect(await readFile(join(state, 'alive'), 'utf8')).toMatch(/^\d+ 0\n$/);
  });

  it('goes on with the count of requests where an earlier run of this boot left it', async () => {
    const once = ['run', '--once', '--server', server.url, '--state-dir', state];
    const hasPort = (await finish(start(...once))).code === 0;
    await finish(start(...once));
    const { sequence } = JSON.parse(await readFile(join(state, 'agent.json'), 'utf8'));
    // A host without a port of hardware does not check in, and so says nothing.
    expect(sequence ?? 0).toBe(hasPort ? 2 : 0);
  });

  it.each([
    [['--server', 'http://127.0.0.1:1', '--once'], '[server.unreachable]'],
    [['--server', 'gopher://x', '--once'], '[config.invalid]'],
    [['--mac', 'no-mac', '--server', 'http://127.0.0.1:1'], '[config.invalid]'],
    [['--root', '/nowhere', '--server', 'http://127.0.0.1:1'], '[config.invalid]'],
    [['--bogus'], '[usage.invalid]'],
  ])('ends with 2 and says why: run %j', async (args, reason) => {
    const rooted = args.includes('--root') ? args : [...args, '--root', machine];
    const { code, out, err } = await finish(start('run', ...rooted));
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(reason);
    expect(err).not.toContain('    at ');
  });
});
