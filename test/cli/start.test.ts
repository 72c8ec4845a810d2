// `npm start`: its template succeeds on this host, and writes below the data directory alone; simulated machines are installed.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { MachineView } from '../../src/model/api/machines.ts';
import { scratchRunners } from '../../src/cli/start/scratch.ts';
import { request, temporaryDirectory } from '../server/harness.ts';

function scratch() {
  const parent = temporaryDirectory();
  const folder = join(parent, 'scratch');
  const run = scratchRunners(folder)['writefile'];
  const context = { signal: new AbortController().signal, progress: () => {}, note: () => {} };
  const write = async (fields: Record<string, unknown>) => run?.(fields, context);
  return { parent, folder, write };
}

describe('writefile below a folder', () => {
  it('writes content and mode, and makes the directories', async () => {
    const { folder, write } = scratch();
    await write({ path: '/etc/motd', content: 'hello', mode: '0640' });
    await write({ path: '//etc/./bytes', content_b64: 'AAE=' });
    expect(readFileSync(join(folder, 'etc/motd'), 'utf8')).toBe('hello');
    expect(statSync(join(folder, 'etc/motd')).mode & 0o7777).toBe(0o640);
    expect(readFileSync(join(folder, 'etc/bytes'))).toEqual(Buffer.of(0, 1));
  });

  it.each(['../out', '/../out', '/a/../../out', '/link/out', '/link/deeper/out', '/', '..'])(
    'refuses %s',
    async (path) => {
      const { parent, folder, write } = scratch();
      mkdirSync(folder);
      symlinkSync(parent, join(folder, 'link'));
      await expect(write({ path, content: '' })).rejects.toMatchObject({ code: 'action.invalid' });
      expect([existsSync(join(parent, 'out')), existsSync(join(parent, 'deeper'))]).toEqual([
        false,
        false,
      ]);
    },
  );

  it('replaces a link, and leaves alone what it leads to', async () => {
    const { parent, folder, write } = scratch();
    mkdirSync(folder);
    writeFileSync(join(parent, 'kept'), 'kept');
    symlinkSync(join(parent, 'kept'), join(folder, 'name'));
    await write({ path: '/name', content: 'new' });
    expect(readFileSync(join(parent, 'kept'), 'utf8')).toBe('kept');
    expect(readFileSync(join(folder, 'name'), 'utf8')).toBe('new');
  });
});

const failure = 'simulated-2: debian-debootstrap: failed: debootstrap: cannot write ';

it('npm start offers a template that succeeds, carries out nothing else, and installs simulated machines', async () => {
  const data = join(temporaryDirectory(), 'data');
  const args = ['start', '--', '--data', data, '--listen', '127.0.0.1:0'];
  const child = spawn('npm', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    const gone = new Promise((resolve) => {
      child.once('close', resolve);
    });
    // The signal goes to npm alone. The output is closed once nobody holds it.
    child.kill('SIGTERM');
    await gone;
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  await expect.poll(() => printed, { timeout: 60_000 }).toContain('is_new');
  const [, url = ''] = /server on (\S+)/.exec(printed) ?? [];
  const list = await request(url, 'GET', '/api/machines');
  const { id } = list.body.machines.find((one: MachineView) => one.report?.is_confined === true);

  const provision = async (template: string) => {
    const { body } = await request(url, 'POST', '/api/workflows', {
      body: { machine_id: id, template },
    });
    const path = `/api/workflows/${body.metadata.name}`;
    const ended = async () => (await request(url, 'GET', path)).body.status.state;
    await expect.poll(ended, { timeout: 60_000 }).toMatch(/SUCCESS|FAILED/);
    return (await request(url, 'GET', path)).body;
  };
  const hello = await provision('hello');
  expect(hello.status.state).toBe('STATE_SUCCESS');
  expect(hello.spec.plan).toMatchObject({ disk: null, overwrites: false, lost: [], warnings: [] });
  expect(hello.spec.plan.actions[0].does).toContain('writes /hello.txt below the folder');
  expect(readFileSync(join(data, 'scratch', 'hello.txt'), 'utf8')).toMatch(/^Hello from http/);

  const reboot = { apiVersion: 'dragonfly.computer/v1', kind: 'Template' };
  const spec = { actions: [{ action: 'reboot' }] };
  await request(url, 'PUT', '/api/templates/again', {
    body: { ...reboot, metadata: { name: 'again' }, spec },
  });
  const refused = await provision('again');
  expect(refused.status).toMatchObject({ state: 'STATE_FAILED' });
  expect(refused.status.error).toContain('does not support the action "reboot"');

  await expect.poll(() => printed, { timeout: 60_000 }).toMatch(/: again: failed: .*"reboot"/);
  expect(printed).toMatch(/: hello: succeeded\n/);
  for (const line of ['simulated-1: debian-debootstrap: debootstrap\n', failure]) {
    await expect.poll(() => printed, { timeout: 60_000 }).toContain(line);
  }
}, 180_000);
