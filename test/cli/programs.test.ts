// The programs as a user starts them.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { version } from '../../src/cli/version.ts';
import { startServer, temporaryDirectory } from '../server/harness.ts';

const folder = join(import.meta.dirname, '../../src/cli');
const fixtures = join(import.meta.dirname, '../../fixtures/machines');

function start(program: string, ...args: string[]) {
  return new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [join(folder, `${program}.ts`), ...args], (err, stdout, stderr) => {
      resolve({ code: err?.code ?? 0, out: stdout, err: stderr });
    });
  });
}

it.each(['dragonfly', 'dragonfly-agent', 'dragonfly-server', 'dragonfly-simulate'])(
  '%s prints its version, its help and its completion script, and ends well',
  async (program) => {
    expect(await start(program, '--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
    const help = await start(program, '--help');
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toMatch(new RegExp(`^Usage: ${program} `));
    expect(help.out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    const script = await start(program, 'completion');
    expect(script).toMatchObject({ code: 0, err: '' });
    expect(script.out).toContain(`complete -F `);
  },
);

it('sends who asks the agent for a simulation to the program that has it', async () => {
  expect(await start('dragonfly-agent', 'simulate', '--machines', '3')).toEqual({
    code: 2,
    out: '',
    err: 'dragonfly-agent: simulate is now a program of its own: dragonfly-simulate (see dragonfly-simulate --help) [usage.invalid]\n',
  });
});

it('simulates a fleet, and finds the records of the server true', async () => {
  const { url } = await startServer();
  const args = [
    '--server',
    url,
    '--machines',
    '3',
    '--seed',
    '7',
    '--fixtures',
    fixtures,
    '--json',
  ];
  const { code, out } = await start('dragonfly-simulate', ...args);
  expect({ code, report: JSON.parse(out) }).toMatchObject({ code: 0, report: { differences: [] } });
});

it('says at once that there is no server to simulate a fleet on', async () => {
  // Nothing listens on the port of discard.
  const args = ['--server', 'http://127.0.0.1:9', '--machines', '1'];
  const { code, err } = await start('dragonfly-simulate', ...args);
  expect(code).toBe(2);
  expect(err).toContain('cannot reach http://127.0.0.1:9');
  expect(err).toContain('[server.unreachable]');
});

it('says that a simulation took too long, and calls that no bug', async () => {
  const { url } = await startServer();
  const args = ['--server', url, '--machines', '200', '--seconds', '1', '--fixtures', fixtures];
  const { code, err } = await start('dragonfly-simulate', ...args);
  expect(code).toBe(2);
  expect(err).toContain('not done within 1 s; allow more with --seconds [wait.timeout]');
  expect(err).not.toContain('bug');
});

it.each([
  [['--server', 'http://192.0.2.1'], 'add --allow-remote'],
  [['--server', 'ftp://x'], 'is not an http:// or https:// address'],
  [['--machines', '0'], '--machines must be a number from 1 to 20000, not "0"'],
])('refuses to simulate with %j', async (args, reason) => {
  const { code, err } = await start('dragonfly-simulate', ...args);
  expect(code).toBe(2);
  expect(err).toContain(reason);
});

it.each([
  [['--json', '--yaml'], '--json and --yaml cannot be given together'],
  [['--compare', '--json'], '--compare and --json cannot be given together'],
])('refuses an inventory with %j', async (args, reason) => {
  const { code, out, err } = await start('dragonfly-agent', 'inventory', ...args);
  expect([code, out]).toEqual([2, '']);
  expect(err).toContain(reason);
});

it.each([
  ['by the write', '--version'],
  ['by the stream', 'capture', '--root', join(fixtures, 'qemu-two-sockets/root'), '-o', '-'],
])('says that its output is lost on a full disk: told %s', async (_how, ...args) => {
  const program = join(folder, 'dragonfly-agent.ts');
  const script = `exec "$0" "$@" > /dev/full`;
  const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) => {
    execFile('sh', ['-c', script, process.execPath, program, ...args], (fault, _out, stderr) => {
      resolve({ code: fault?.code, err: stderr });
    });
  });
  expect({ code, last: err.trim().split('\n').at(-1) }).toEqual({
    code: 2,
    last: 'dragonfly-agent: cannot write to standard output: ENOSPC: no space left on device, write [output.failed]',
  });
});

it.skipIf(!existsSync('/usr/bin/script'))(
  'sends a terminal nothing that it obeys, and a file everything (needs script)',
  async () => {
    const contexts = join(temporaryDirectory(), 'config.yaml');
    writeFileSync(contexts, String.raw`contexts: { "a\x9b2J\e[31m\tb": { server: http://a } }`);
    const env = { ...process.env, DRAGONFLY_CONTEXTS: contexts };
    const list = `${process.execPath} ${folder}/dragonfly.ts context list -o csv`;
    const printed = (program: string, ...args: string[]) =>
      execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    expect(printed('script', '-qec', list, '/dev/null')).toContain('\n,a?2J?[31m\tb,http://a,');
    expect(printed('sh', '-c', list)).toContain('\n,a\u009B2J\u001B[31m\tb,http://a,');
  },
);
