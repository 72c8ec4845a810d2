// The operators' program against the real server.
import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Io } from '../../../src/cli/command.ts';
import { namesFor } from '../../../src/cli/operator/names.ts';
import { restore } from '../../../src/store/backup/restore.ts';
import { ImageFolder } from '../../../src/store/images/folder.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { checkin, imageTemplate, startServer, temporaryDirectory } from '../../server/harness.ts';
import { operatorCommands } from '../../../src/cli/operator/program.ts';
import { runLine } from '../run-command.ts';
import { desk, refusal } from './desk.ts';

describe('machines', () => {
  it('are listed, searched, and printed in each format', async () => {
    const { run } = await desk(3);
    const { stdout } = await run('machines list');
    expect(
      stdout
        .split('\n')
        .slice(0, 2)
        .map((line) => line.split(/ +/).slice(0, 3)),
    ).toEqual([
      ['NAME', 'STATE', 'LIVENESS'],
      ['node-1', 'Discovered', 'online'],
    ]);
    expect((await run('machines list -q name:*-2 -o csv')).stdout).toContain('node-2');
    expect(await refusal(run('machines list -q nam:node-2'))).toContain('did you mean name:');
    expect((await run('machines list node-2 -o name')).stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    expect(JSON.parse((await run('machines list --json')).stdout)).toHaveLength(3);
    expect((await run('machines list node-3 --yaml')).stdout).toContain('hostname: node-3');
    expect((await run('machines list -o csv')).stdout.split('\r\n')).toHaveLength(5);
    expect(await refusal(run('machines list --json --yaml'))).toContain('cannot be given together');
    expect(await refusal(run('machines list -o wide --json'))).toContain(
      'cannot be given together',
    );
  });

  it('have a log, of which the newest lines are enough', async () => {
    const { server, run } = await desk();
    const { body } = await server.call('POST', '/api/agent/checkin', {
      body: { ...checkin(1), boot_id: 'b1', sequence: 1 },
    });
    const lines = [
      { age_ms: 0, source: 'boot', text: 'eth0 has a link' },
      { age_ms: 0, source: 'agent', level: 'warn', text: 'failed, will try again' },
    ];
    const sent = { machine_id: body.machine_id, boot_id: 'b1', stream: 'boot', first: 0, lines };
    await server.call('POST', '/api/agent/logs', { body: sent });
    expect((await run('machines logs host-1')).stdout).toMatch(
      /^\S+Z boot   eth0 has a link\n\S+Z agent  WARN failed, will try again\n$/,
    );
    const { stdout } = await run('machines logs host-1 --last 1 --json');
    expect(JSON.parse(stdout)).toMatchObject({ source: 'agent', level: 'warn' });
  });

  it('keep their tags apart in CSV, and say where nothing is found', async () => {
    const { run } = await desk(1);
    for (const tag of ['gpu', 'rack-4,left']) await run(`machines tag ${tag} node-1`);
    expect((await run('machines list -o csv')).stdout).toContain(
      String.raw`"gpu, ""rack-4,left"""`,
    );
    expect((await run('machines list none')).stderr).toBe('nothing found\n');
  });

  it('write no formula into a spreadsheet, whatever a machine calls itself', async () => {
    const { server, run } = await desk();
    const body = { ...checkin(1), ip_address: '=cmd|"/c calc"!A1' };
    await server.call('POST', '/api/agent/checkin', { body });
    expect((await run('machines list -o csv')).stdout).toContain('"\'=cmd|""/c calc""!A1"');
  });

  it.each(['node-2', 'NODE-2', '02-00-00-00-00-02'])('are known as %s', async (name) => {
    const { run } = await desk(2);
    const { stdout } = await run(`machines get ${name} --json`);
    expect(JSON.parse(stdout).identity.primary_mac).toBe('02:00:00:00:00:02');
  });

  it('are not guessed: a name that none or several have is refused', async () => {
    const { server, run } = await desk(2);
    expect(await refusal(run('machines get node'))).toMatch(
      /^machine.unknown: no machine is called node; similar: node-\d, node-\d$/,
    );
    const body = { ...checkin(9), hostname: 'node-1' };
    await server.call('POST', '/api/agent/checkin', { body });
    expect(await refusal(run('machines forget node-1 -y'))).toMatch(
      /^request.invalid: 2 machines are called node-1: /,
    );
    expect(await refusal(run('machines forget'))).toContain('usage.invalid: name a machine');
    expect(await refusal(run('machines forget -l none -y'))).toContain('machine.unknown');
    expect(await refusal(run('machines forget -y -q tag:'))).toContain('"tag:" is not complete');
    expect((await run('machines list')).stdout).toContain('node-1');
  });

  it('are tagged, labelled, assigned and forgotten, many at once', async () => {
    const { run } = await desk(3);
    expect(await run('machines tag rack-7 node-1 node-2')).toMatchObject({
      code: 0,
      stdout: 'node-1 tagged rack-7\nnode-2 tagged rack-7\n',
    });
    await run('machines assign restart -l rack-7');
    await run('machines label node-1 site=b owner=ops');
    await run('machines label node-1 owner-');
    const machine = JSON.parse((await run('machines get node-1 --json')).stdout);
    expect(machine).toMatchObject({
      config: { tags: ['rack-7'], os_choice: 'restart' },
      metadata: { labels: { site: 'b' } },
    });
    const history = await run('machines history node-1 --json');
    expect(history.stdout).toContain('os_choice');
    expect(await refusal(run('machines forget -l rack-7'))).toContain('nobody is there to ask');
    expect(await refusal(run('machines forget -l rack-7', { answer: 'no' }))).toContain(
      'nothing was done',
    );
    expect((await run('machines forget -l rack-7 --dry-run')).stdout).toContain(
      'node-1 would be forgotten',
    );
    expect(await run('machines forget -l rack-7', { answer: 'y' })).toMatchObject({ code: 0 });
    expect((await run('machines list -o name')).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('say which of them failed, and end with 1', async () => {
    const { run } = await desk(2);
    const { code, stdout, stderr } = await run('machines assign nothing node-1 node-2');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^node-1: .*\[template.unknown\]\nnode-2: .*\[template.unknown\]\n$/);
  });
});

describe('provision', () => {
  it('shows the plan of each, asks, and queues only what was not refused', async () => {
    const { server, run } = await desk(2);
    const os = { name: 'Debian 12', device: '/dev/sda1' };
    for (const [n, found] of [null, os].entries()) {
      const disk = { name: 'sda', size_bytes: 5e11, serial: `S-${n}`, model: 'PM883' };
      const told = {
        disks: [disk],
        existing_os: found,
        boot_id: randomUUID(),
        agent_version: '0.2.0',
      };
      const body = { ...checkin(n + 1), hostname: `node-${n + 1}`, ...told };
      await server.call('POST', '/api/agent/checkin', { body });
    }
    const line = `machines provision node-1 node-2 --template ${imageTemplate.metadata.name}`;
    const dry = await run(`${line} --dry-run`);
    expect(dry.code).toBe(1);
    expect(dry.stdout).toContain('node-1: OVERWRITES /dev/sda, PM883, serial S-0, 500.0 GB\n');
    expect(dry.stderr).toMatch(/^node-2: .*Debian 12/);
    expect(await refusal(run(line))).toContain('nobody is there to ask');
    expect((await run('workflows list -o name')).stdout).toBe('');
    const { code, stdout } = await run(line, { answer: 'yes' });
    expect(code).toBe(1);
    expect(stdout).toMatch(/node-1: workflow [0-9a-f-]{36} queued\n$/);
    const csv = (await run('workflows list --machine node-1 -o csv')).stdout;
    expect(csv).toContain(',pending,node-1,');
    expect(csv.trim()).toMatch(/,[0-9a-f-]{36}$/);
    const [queued] = (await server.store.workflows.list()).items;
    if (queued === undefined) throw new Error('no workflow was queued');
    const { value } = queued;
    await server.store.workflows.put({ ...value, held: 'restored from a backup' });
    expect((await run('workflows list --active')).stdout).toContain('held');
    await run(`workflows release ${value.metadata.name}`);
    expect((await run('workflows list --active')).stdout).toContain('pending');
    expect(await run('machines cancel node-1 node-2')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('node-2 has no active workflow\n'),
    });
    expect((await run('workflows list')).stdout).toContain('cancelled');
    expect((await run('workflows list --active -o name')).stdout).toBe('');
  });

  it('queues nothing for a machine whose plan changed after it was shown, and says what did', async () => {
    const { server, run } = await desk(2);
    const tell = async (n: number, serial: string) => {
      const disk = { name: 'sda', size_bytes: 5e11, serial, model: 'PM883' };
      // Stays in the machine, which is known by it.
      const large = { name: 'sdb', size_bytes: 9e11, serial: `L-${n}` };
      const disks = [disk, large];
      const told = { disks, existing_os: null, boot_id: 'a', agent_version: '0.2.0' };
      const body = { ...checkin(n), hostname: `node-${n}`, ...told };
      await server.call('POST', '/api/agent/checkin', { body });
    };
    for (const n of [1, 2]) await tell(n, `S-${n}`);
    const line = `machines provision node-1 node-2 --template ${imageTemplate.metadata.name}`;
    const meanwhile = () => tell(2, 'S-9');
    const { code, stdout, stderr } = await run(line, { answer: 'yes', meanwhile });
    expect(code).toBe(1);
    expect(stdout).toMatch(/node-1: workflow [0-9a-f-]{36} queued\n$/);
    expect(stderr).toMatch(
      /^node-2: the plan changed .*\/dev\/sda PM883 S-9.* \[plan.changed\]\n$/,
    );
    expect((await run('workflows list -o name')).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('waits for the end, and its exit code is that of the work', async () => {
    const { server, run } = await desk(2);
    const ends = async (name: string, success: boolean): Promise<unknown> => {
      const waiting = run(`machines provision ${name} --template restart --yes --wait`);
      let id: string | undefined;
      while (id === undefined) {
        const active = (await run('workflows list --active -o name')).stdout.trim();
        if (active !== '') id = active;
      }
      const events = [{ type: 'started' }, { type: 'completed', success }];
      for (const event of events) {
        await server.call('POST', `/api/workflows/${id}/events`, {
          body: { ...event, workflow: id },
        });
      }
      const { code, stdout } = await waiting;
      return { code, last: stdout.trim().split('\n').at(-1) };
    };
    expect(await ends('node-1', true)).toEqual({ code: 0, last: 'node-1 succeeded' });
    expect(await ends('node-2', false)).toMatchObject({
      code: 1,
      last: expect.stringMatching(/^node-2 failed/),
    });
    expect(await refusal(run('workflows wait 01930000-0000-7000-8000-000000000001'))).toContain(
      'workflow.unknown',
    );
  });
});

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

describe('contexts', () => {
  it('name a server and where its token is, never the token', async () => {
    const { server, run } = await desk(1);
    const token = (await run('tokens create me --scope full')).stdout.trim();
    const folder = temporaryDirectory();
    const env = {
      DRAGONFLY_SERVER: undefined,
      DRAGONFLY_CONTEXTS: join(folder, 'deep', 'config.yaml'),
    };
    writeFileSync(join(folder, 'token'), `${token}\n`);
    await run(`context set file ${server.url} --token-file ${join(folder, 'token')}`, { env });
    expect((await run('machines list -o csv', { env })).stdout).toContain('node-1');
    const program = join(folder, 'keyring');
    writeFileSync(program, `#!/bin/sh\ncat ${join(folder, 'token')}\n`);
    chmodSync(program, 0o700);
    await run(`context set ring ${server.url} --token-command ${program}`, { env });
    expect((await run('machines list -o csv', { env })).stdout).toContain('node-1');
    expect(await refusal(run('context set wrong 127.0.0.1:3000', { env }))).toContain(
      'the address of the server cannot be used',
    );
    await run(`context set broken ${server.url} --token-command /bin/false`, { env });
    expect(await refusal(run('machines list', { env }))).toContain(
      'cannot get the token of context broken',
    );
    await run('context use file', { env });
    expect((await run('machines list -o name', { env })).stdout).not.toBe('');
    expect((await run('context list', { env })).stdout).toMatch(/\n\* +file/);
    expect(readFileSync(env.DRAGONFLY_CONTEXTS, 'utf8')).not.toContain(token);
    expect(statSync(env.DRAGONFLY_CONTEXTS).mode & 0o777).toBe(0o600);
    await run('context delete file', { env });
    expect(await refusal(run('machines list --context file', { env }))).toContain(
      'there is no context',
    );
  });

  it('give a server that is named by hand no token of another', async () => {
    const { server, run } = await desk(1);
    const folder = temporaryDirectory();
    const env = { DRAGONFLY_SERVER: undefined, DRAGONFLY_CONTEXTS: join(folder, 'config.yaml') };
    const proof = join(folder, 'asked');
    writeFileSync(
      join(folder, 'ring'),
      `#!/bin/sh\ntouch ${proof}; echo token-of-another-server\n`,
    );
    chmodSync(join(folder, 'ring'), 0o700);
    await run(`context set other http://127.0.0.1:1 --token-command ${join(folder, 'ring')}`, {
      env,
    });
    expect((await run(`machines list -o name --server ${server.url}`, { env })).code).toBe(0);
    expect(existsSync(proof)).toBe(false);
  });

  it('are refused with the place of the fault', async () => {
    const { run } = await desk();
    const file = join(temporaryDirectory(), 'c.yaml');
    writeFileSync(file, 'contexts: { a: { server: 3 } }');
    const env = { DRAGONFLY_SERVER: undefined, DRAGONFLY_CONTEXTS: file };
    expect(await refusal(run('context list', { env }))).toContain(
      `cannot use the contexts in ${file}`,
    );
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
    expect(await refusal(run('webhooks set inventory'))).toContain('say --url or --events');
    expect(await refusal(run('webhooks create a http://127.0.0.1/'))).toContain('webhook.address');
  });
});

describe('the inventory for Ansible', () => {
  async function program(): Promise<{ path: string; env: Record<string, string | undefined> }> {
    const { server, run } = await desk(3);
    await run('machines tag Rack-7 node-1 node-2');
    const path = join(temporaryDirectory(), 'dragonfly-inventory');
    const cli = join(import.meta.dirname, '../../../src/cli/dragonfly.ts');
    writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${cli}" inventory ansible "$@"\n`);
    chmodSync(path, 0o700);
    return { path, env: { ...process.env, DRAGONFLY_SERVER: server.url } };
  }

  it('groups machines by tag and state, and gives the variables of one', async () => {
    const { server, run } = await desk(2);
    await run('machines tag Rack-7 node-1');
    const [first] = (await server.store.machines.list()).items;
    if (first === undefined) throw new Error('there is no machine');
    const { value } = first;
    const system = { ...value.hardware.system, serial: 'S\u009B2J' };
    await server.store.machines.put({ ...value, hardware: { ...value.hardware, system } });
    const printed = (await run('inventory ansible --list')).stdout;
    expect(printed).toContain(String.raw`"S\u009b2J"`);
    const all = JSON.parse(printed);
    expect(all).toMatchObject({
      dragonfly: { hosts: ['node-1', 'node-2'] },
      tag_rack_7: { hosts: ['node-1'] },
      state_discovered: { hosts: ['node-1', 'node-2'] },
      _meta: { hostvars: { 'node-1': { dragonfly_mac: '02:00:00:00:00:01' } } },
    });
    const one = JSON.parse((await run('inventory ansible --host node-2')).stdout);
    expect(one).toMatchObject({ dragonfly_mac: '02:00:00:00:00:02' });
  });

  it('keeps machines of one host name apart, and knows each by the name that it gives', async () => {
    const { server, run } = await desk(2);
    const body = { ...checkin(9), hostname: 'node-1' };
    await server.call('POST', '/api/agent/checkin', { body });
    const { dragonfly, _meta } = JSON.parse((await run('inventory ansible --list')).stdout);
    const twins = dragonfly.hosts.filter((host: string) => /^node-1-[0-9a-f]{8}$/.test(host));
    expect([dragonfly.hosts.length, new Set(twins).size]).toEqual([3, 2]);
    for (const host of twins) {
      const { stdout } = await run(`inventory ansible --host ${host}`);
      expect(JSON.parse(stdout)).toEqual(_meta.hostvars[host]);
    }
  });

  it.skipIf(!hasAnsible())(
    'is read by ansible-inventory',
    async () => {
      const { path, env } = await program();
      const { stdout: graph } = await promisify(execFile)(
        'ansible-inventory',
        ['-i', path, '--graph'],
        {
          env,
          encoding: 'utf8',
        },
      );
      expect(graph).toContain('@tag_rack_7:');
      expect(graph).toContain('|--node-2');
    },
    30_000,
  );
});

function hasAnsible(): boolean {
  try {
    execFileSync('ansible-inventory', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
