// The operators' program against the real server.
import { createHash } from 'node:crypto';
import { readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Io } from '../../../src/cli/command.ts';
import { namesFor } from '../../../src/cli/operator/names.ts';
import { restore } from '../../../src/store/backup/restore.ts';
import { ImageFolder } from '../../../src/store/images/folder.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { startServer, temporaryDirectory } from '../../server/harness.ts';
import { operatorCommands } from '../../../src/cli/operator/program.ts';
import { runLine } from '../run-command.ts';
import { desk, refusal } from './desk.ts';

it.each([
  ['machines', ['machines', 'get', 'node-'], ['node-1', 'node-2']],
  ['machines', ['machines', 'tag', 'x', 'node-1', ''], ['node-1', 'node-2']],
  ['tags', ['machines', 'list', '-l', 'ra'], ['rack-7']],
  ['templates', ['templates', 'get', ''], ['debian', 'restart']],
  ['settings', ['settings', 'get', 'boot.'], ['boot.hold']],
  ['webhooks', ['webhooks', 'get', ''], []],
  ['contexts', ['context', 'use', ''], []],
] as const)('the shell is offered the %s after %j', async (kind, words, names) => {
  const { server, run } = await desk(2);
  await run('machines tag rack-7 node-1');
  await run('settings set boot.hold true');
  const io = {
    env: { DRAGONFLY_CONTEXTS: `${temporaryDirectory()}/none` },
    signal: new AbortController().signal,
    version: '1.2.3',
  };
  // A client takes nothing else of it.
  const offered = await namesFor(kind, ['--server', server.url, ...words], io as unknown as Io);
  expect(new Set(offered)).toEqual(new Set(names));
});

describe('templates, settings and tokens', () => {
  it('are written and read', async () => {
    const { run } = await desk(1);
    const document =
      'kind: Template\nmetadata: { name: t2 }\nspec: { actions: [{ action: reboot }] }';
    const yaml = `apiVersion: dragonfly.computer/v1\n${document}\n`;
    expect((await run('templates apply -', { input: yaml })).stdout).toBe('template t2 stored\n');
    expect((await run('templates list -o name')).stdout.split('\n')).toContain('t2');
    expect((await run('templates get t2 --machine node-1')).stdout).toContain('action: reboot');
    expect((await run('templates diff -', { input: yaml })).code).toBe(0);
    const changed = yaml.replace('{ action: reboot }', '{ action: reboot }, { action: seabios }');
    expect((await run('templates apply - --dry-run', { input: changed })).stdout).toBe(
      'template t2 would be stored\n',
    );
    const differing = await run('templates diff -', { input: changed });
    expect(differing.code).toBe(1);
    expect(differing.stdout).toMatch(/^\+ +- action: seabios$/m);
    expect((await run('templates delete t2')).code).toBe(0);
    expect((await run('templates diff -', { input: yaml })).stdout).toContain('+kind: Template');
    const long = yaml.replace(
      '{ action: reboot }',
      '{ action: partition, root_device: { wwn: 0x5000c500a1b2c3d4 } }',
    );
    expect(await refusal(run('templates apply -', { input: long }))).toContain('put quotes');
    expect(await refusal(run('templates apply -', { input: 'a: 1' }))).toContain('usage.invalid');
    await run('settings set template.default_password -', { input: 'secret\n' });
    expect((await run('settings get template.default_password')).stdout).toBe('secret\n');
    expect((await run('settings list template')).stdout).toContain('template.default_password');
    await run('settings delete template.default_password');
    const token = (await run('tokens create me --scope full')).stdout.trim();
    expect(await refusal(run('tokens list'))).toMatch(/^auth.required: no token .*DRAGONFLY_TOKEN/);
    const wrong = { env: { DRAGONFLY_TOKEN: 'dfo_wrong' } };
    expect(await refusal(run('tokens list', wrong))).toMatch(/is no good: set DRAGONFLY_TOKEN/);
    const listed = await run('tokens list -o csv', { env: { DRAGONFLY_TOKEN: token } });
    expect(listed.stdout).toContain('me,full,');
    expect(listed.stdout).not.toContain(token);
    const env = { DRAGONFLY_TOKEN: token };
    const limited = (
      await run('tokens create night --scope operate --tag rack-7', { env })
    ).stdout.trim();
    const mine = await run('whoami -o csv', { env: { DRAGONFLY_TOKEN: limited } });
    expect(mine.stdout.split('\r\n')[1]).toBe('night,operate,,rack-7');
  });

  it('say who cancelled the work of a machine', async () => {
    const { server, run } = await desk(2);
    const [machine] = (await server.call('GET', '/api/machines')).body.machines;
    const queued = await server.call('POST', '/api/workflows', {
      body: { machine_id: machine.id, template: 'restart' },
    });
    const id: string = queued.body.metadata.name;
    await run(`workflows cancel ${id}`);
    const { stdout } = await run('audit --machine node-1 -o csv');
    expect(stdout.split('\r\n').map((line) => line.split(',').slice(1, 4))).toEqual([
      ['WHO', 'WHAT', 'RECORDS'],
      ['anyone', 'workflows.create', `workflows/${id} and 1 more`],
      ['anyone', 'workflows.cancel', `workflows/${id} and 1 more`],
      [],
    ]);
    expect((await run('audit --machine node-2')).stdout).toBe('');
    expect((await run('audit templates/restart -o name')).stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    expect(await refusal(run('audit templates/restart --machine node-1'))).toContain('not both');
  });
});

describe('images', () => {
  it('are listed with their sums', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'debian.raw'), 'image');
    const { url } = await startServer({ images: new ImageFolder(folder) });
    const { stdout } = await runLine(operatorCommands, ['images', 'list', '-o', 'csv'], {
      env: { DRAGONFLY_SERVER: url, DRAGONFLY_CONTEXTS: `${folder}/none` },
    });
    const sum = createHash('sha256').update('image').digest('hex');
    expect(stdout).toBe(`NAME,SHA256\r\ndebian.raw,${sum}\r\n`);
  });
});

describe('tags', () => {
  it('are counted, and taken off every machine', async () => {
    const { run } = await desk(3);
    await run('machines tag rack-7 node-1 node-2');
    expect((await run('tags list -o csv')).stdout).toBe('TAG,MACHINES\r\nrack-7,2\r\n');
    expect((await run('tags delete rack-7')).stdout).toBe('taken off 2 machines\n');
    expect((await run('tags list')).stdout).toBe('');
  });
});

describe('backup', () => {
  it('is saved whole for its owner alone, and nothing is left of one that was refused', async () => {
    const { server, run } = await desk(3);
    const folder = temporaryDirectory();
    const file = join(folder, 'all.backup');
    writeFileSync(`${file}.partial`, 'of a backup that was killed', { mode: 0o644 });
    expect((await run(`backup ${file}`)).stdout).toContain(`bytes written to ${file}`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await restore(new MemoryKv(), file)).toBeGreaterThanOrEqual(5);
    const full = (await run('tokens create ops --scope full')).stdout.trim();
    const read = await server.call('POST', '/api/tokens', {
      token: full,
      body: { name: 'looker', scope: 'read' },
    });
    const env = { DRAGONFLY_TOKEN: read.body.token };
    expect(await refusal(run(`backup ${file}.2`, { env }))).toContain('takes full');
    const link = join(folder, 'link');
    symlinkSync(file, link);
    for (const place of [link, folder]) {
      expect(await refusal(run(`backup ${place}`, { env: { DRAGONFLY_TOKEN: full } }))).toBe(
        `backup.failed: cannot write ${place}`,
      );
    }
    expect(readdirSync(folder).toSorted()).toEqual(['all.backup', 'link']);
  });
});

describe('sessions', () => {
  it('are listed, and ended one by one or all at once', async () => {
    const { server, run } = await desk();
    const token = (await run('tokens create me --scope full')).stdout.trim();
    const env = { DRAGONFLY_TOKEN: token };
    const begun = await Promise.all(
      [1, 2, 3].map((days) => server.call('POST', '/api/sessions', { token, body: { days } })),
    );
    const [first = ''] = begun.map(({ body }): string => body.id);
    expect((await run('sessions list -o csv', { env })).stdout.split('\r\n')).toHaveLength(5);
    expect((await run(`sessions end ${first}`, { env })).stdout).toBe(`session ${first} ended\n`);
    expect((await run('sessions end --own', { env })).stdout).toBe('2 sessions ended\n');
    expect(await refusal(run('sessions end', { env }))).toContain('usage.invalid');
    expect(await refusal(run(`sessions end ${first} --own`, { env }))).toContain('usage.invalid');
  });
});

describe('webhooks', () => {
  it('are registered, changed, tested, and their events sent again', async () => {
    const { run } = await desk();
    const made = await run(
      'webhooks create inventory https://hooks.invalid/ --events machine.changed',
    );
    expect(made.stdout).toMatch(/^whsec_\S{44}\n$/);
    expect((await run('webhooks list')).stdout).toMatch(
      /inventory +https:\/\/hooks.invalid\/ +machine.changed +good/,
    );
    await run('webhooks set inventory --events all --url https://other.invalid/');
    await run('webhooks disable inventory');
    expect(JSON.parse((await run('webhooks get inventory --json')).stdout)).toMatchObject({
      url: 'https://other.invalid/',
      events: null,
      enabled: false,
    });
    expect((await run('webhooks test inventory')).stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    const waiting = await run('webhooks deliveries inventory --waiting');
    expect(waiting.stdout).toContain('webhook.test');
    expect((await run('webhooks redeliver inventory')).stdout).toBe('0 events are sent again\n');
    expect((await run('webhooks rotate inventory')).stdout).not.toBe(made.stdout);
    expect((await run('webhooks enable inventory')).stdout).toBe('webhook inventory enabled\n');
    await run('webhooks delete inventory');
    expect((await run('webhooks list')).stdout).toBe('');
    expect(await refusal(run('webhooks create a https://a.invalid/ --events machine'))).toContain(
      'usage.invalid: there is no event "machine"',
    );
    expect(await refusal(run('webhooks set inventory'))).toContain('give --url or --events');
    expect(await refusal(run('webhooks create a http://127.0.0.1/'))).toContain('webhook.address');
  });
});
