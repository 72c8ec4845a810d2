// The server's program, started as people start it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { checkin, request, temporaryDirectory } from '../../server/harness.ts';

// Each test starts programs one after the other, some of them six: a second each, and ten where others test beside it.
vi.setConfig({ testTimeout: 120_000 });

function program(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['src/cli/dragonfly-server.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      DRAGONFLY_LOG: 'error',
      ...env,
    },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function run(args: readonly string[], env: Record<string, string> = {}) {
  const child = program(args, env);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { stdout, stderr, code };
}

/** A server that listens, and its URL. */
async function serve(args: readonly string[], env: Record<string, string> = {}) {
  const child = program(['--listen', '127.0.0.1:0', ...args], env);
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, url: String(line).split(' ').at(-1) ?? '' };
}

it('takes flags before the environment before the file, and says which it took', async () => {
  const file = `${temporaryDirectory()}/server.yaml`;
  writeFileSync(file, 'listen: 127.0.0.1:1\ndata: /from/file\nheartbeat_interval: 20\n');
  const { stdout, code } = await run(
    ['--print-config', '--json', '--config', file, '--listen', '127.0.0.1:3'],
    {
      DRAGONFLY_LISTEN: '127.0.0.1:2',
      DRAGONFLY_DATA: '/from/environment',
      DRAGONFLY_ENROLMENT_TOKEN: 'a-secret-enrolment-token',
    },
  );
  expect(code).toBe(0);
  const shown: { setting: string; value: unknown; source: string }[] = JSON.parse(stdout);
  const of = (name: string) => {
    const found = shown.find(({ setting }) => setting === name);
    return [found?.value, found?.source];
  };
  expect(of('listen')).toEqual(['127.0.0.1:3', '--listen']);
  expect(of('data')).toEqual(['/from/environment', 'DRAGONFLY_DATA']);
  expect(of('heartbeat_interval')).toEqual([20, `${file}: heartbeat_interval`]);
  expect(of('stock_agents')).toEqual([false, 'default']);
  expect(of('enrolment_token')).toEqual(['set', 'DRAGONFLY_ENROLMENT_TOKEN']);
});

it.each([
  ['an unknown setting', 'lisen: 127.0.0.1:1', 'unknown setting lisen; did you mean listen?'],
  [
    'a number that is none',
    'heartbeat_interval: often',
    'heartbeat_interval: "often" cannot be used: it must be a number from 0.1 to 3600',
  ],
  ['a list', '[1]', 'must hold settings'],
  ['no YAML', 'a: [', 'cannot read the settings'],
  [
    'a setting twice',
    'data: a\ndata: b',
    'Map keys must be unique at line 2, column 1 [config.invalid]',
  ],
  ['a tag that nobody knows', 'data: !secret a', 'begins with ! at line 1, column 7'],
  ['a list as a key', '? [a]\n: b', 'all keys must be strings'],
  ['two documents', 'data: a\n---\ndata: b', 'several documents'],
  ['an address that is none', 'public_url: 10.0.0.1:3000', 'must start with http:// or https://'],
  ['an interval beyond all sense', 'heartbeat_interval: 1e300', 'a number from 0.1 to 3600'],
])('refuses a file with %s', async (_name, content, message) => {
  const file = `${temporaryDirectory()}/server.yaml`;
  writeFileSync(file, content);
  const { stderr, code } = await run(['--print-config', '--config', file]);
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('This is a bug');
});

it('listens on loopback only while there are no tokens, and says how to make some', async () => {
  const data = `${temporaryDirectory()}/data`;
  const refused = await run(['--listen', '0.0.0.0:0', '--data', data]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/token create NAME .*auth\.unconfigured/s);
  expect((await run(['token', 'create', 'ops', '--scope', 'full', '--data', data])).code).toBe(0);
  const child = program(['--listen', '0.0.0.0:0', '--data', data]);
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const address = /^dragonfly-server listens on http:\S+ and on all other addresses of this host$/;
  expect(String(line)).toMatch(address);
});

it('creates, lists and revokes tokens in the data of a stopped server and through a running one', async () => {
  const data = `${temporaryDirectory()}/data`;
  const made = await run(['token', 'create', 'ops', '--scope', 'full', '--data', data]);
  const token = made.stdout.trim();
  expect(token).toMatch(/^dfo_[\w-]{43}$/);
  const { url } = await serve(['--data', data]);
  const blocked = await run(['token', 'list', '--data', data]);
  expect([blocked.code, blocked.stderr]).toEqual([2, expect.stringContaining('--server http')]);
  const through = (...args: string[]) =>
    run(['token', ...args, '--server', url], { DRAGONFLY_TOKEN: token });
  const watcher = await through('create', 'watcher', '--scope', 'read', '--expires', '90d');
  const get = () => request(url, 'GET', '/api/machines', { token: watcher.stdout.trim() });
  expect((await get()).status).toBe(200);
  expect((await through('list')).stdout).toMatch(/^ops .* full .*\nwatcher .* read .* expires /);
  expect((await through('revoke', 'watcher')).code).toBe(0);
  expect((await get()).status).toBe(401);
  const again = await through('revoke', 'watcher');
  expect([again.code, again.stderr]).toEqual([
    2,
    expect.stringContaining('no token named watcher'),
  ]);
});

it.each([
  ['token list', ['token', 'list']],
  ['token revoke', ['token', 'revoke', 'ops']],
  ['check', ['check']],
  ['check --repair', ['check', '--repair']],
  ['backup', ['backup', 'file']],
])('makes no store for %s with a mistyped --data', async (_name, command) => {
  const data = `${temporaryDirectory()}/mistyped`;
  const { code, stderr } = await run([...command, '--data', data]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('no data to read')]);
  expect(existsSync(data)).toBe(false);
});

it('keeps the old keys where the data that they belong to is not', async () => {
  const directory = temporaryDirectory();
  const keys = `${directory}/keys`;
  const rotate = (data: string) =>
    run(['rotate-key', '--data', `${directory}/${data}`, '--secret-key-file', keys]);
  expect((await rotate('data')).code).toBe(0);
  const first = readFileSync(keys, 'utf8');
  expect((await rotate('mistyped')).code).toBe(2);
  expect([readFileSync(keys, 'utf8'), existsSync(`${directory}/mistyped`)]).toEqual([first, false]);
});

it('rotates the key of BMC passwords: old ones open with the new key alone', async () => {
  const directory = temporaryDirectory();
  const [data, keys] = [`${directory}/data`, `${directory}/keys`];
  const rotate = () => run(['rotate-key', '--data', data, '--secret-key-file', keys]);
  expect((await rotate()).code).toBe(0);
  expect(statSync(keys).mode & 0o777).toBe(0o600);
  const first = readFileSync(keys, 'utf8');
  const { child, url } = await serve(['--data', data, '--secret-key-file', keys]);
  const { body } = await request(url, 'POST', '/api/agent/checkin', { body: checkin(1) });
  const bmc = { address: '192.0.2.9', username: 'root', bmc_type: 'Ipmi', password: 'hunter2' };
  await request(url, 'PATCH', `/api/machines/${body.machine_id}`, { body: { bmc } });
  const hook = { name: 'inventory', url: 'https://hooks.example/' };
  const { body: made } = await request(url, 'POST', '/api/webhooks', { body: hook });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  const before = await openStore(`lmdb:${data}`);
  const known = await before.machines.get(body.machine_id);
  const theirs = { address: '192.0.2.8', username: 'root', bmc_type: 'Ipmi' } as const;
  if (known !== undefined) {
    const { value } = known;
    const config = { ...value.config, bmc: { ...theirs, password_encrypted: 'c2VhbGVk' } };
    const other = { ...value, id: '01900000-0000-7000-8000-000000000001', config };
    await before.machines.put(other, 'absent');
  }
  await before.close();
  const rotated = (await rotate()).stdout;
  expect(rotated).toContain('; 1 passwords and the secrets of 1 webhooks were encrypted with it');
  expect(rotated).toContain('1 passwords were encrypted by another program and stay as they are');
  const second = readFileSync(keys, 'utf8');
  expect(second).not.toContain(first.trim());
  const { SecretBox } = await import('../../../src/server/access/secrets.ts');
  const store = await openStore(`lmdb:${data}`);
  const machine = (await store.machines.get(body.machine_id))?.value;
  const webhook = (await store.webhooks.get('inventory'))?.value;
  await store.close();
  const sealed = machine?.config.bmc?.password_encrypted ?? '';
  expect(new SecretBox(second).open(sealed, body.machine_id)).toBe('hunter2');
  const kept = webhook?.secret ?? '';
  expect(new SecretBox(second).open(kept, 'webhook/inventory')).toBe(made.secret);
});

it('says what is wrong with a certificate that it cannot use', async () => {
  const directory = temporaryDirectory();
  writeFileSync(`${directory}/cert`, 'no certificate');
  const flags = ['--tls-cert', `${directory}/cert`, '--data', `${directory}/data`];
  const alone = await run(flags);
  expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('both --tls-cert and')]);
  const junk = await run([...flags, '--tls-key', `${directory}/cert`]);
  expect([junk.code, junk.stderr]).toEqual([
    2,
    expect.stringContaining('cannot use the certificate'),
  ]);
});

it('says which address it cannot listen on', async () => {
  const data = temporaryDirectory();
  const { url } = await serve(['--data', `${data}/one`]);
  const taken = await run(['--listen', new URL(url).host, '--data', `${data}/two`]);
  expect(taken.code).toBe(2);
  expect(taken.stderr).toContain('choose another with --listen');
});

it('prints no line of a settings file that it cannot read', async () => {
  const file = `${temporaryDirectory()}/server.yaml`;
  writeFileSync(file, 'enrolment_token: a-secret-enrolment-token\nenrolment_token: [');
  const { stderr, code } = await run(['--print-config', '--config', file]);
  expect({ code, lines: stderr.trim().split('\n').length }).toEqual({ code: 2, lines: 1 });
  expect(stderr).not.toContain('a-secret');
});

it('takes an empty variable for one that is not set, and refuses a level of the log that is none', async () => {
  const data = temporaryDirectory();
  const quiet = await run(['token', 'list', '--data', data], { DRAGONFLY_DATA: '' });
  expect(quiet.stderr).toContain('[store.');
  const { stderr, code } = await run(['--data', data], { DRAGONFLY_LOG: 'loud' });
  expect({ stderr, code }).toMatchObject({
    stderr: expect.stringMatching(
      /^dragonfly-server: DRAGONFLY_LOG: "loud" .*\[config.invalid\]\n$/,
    ),
    code: 2,
  });
});

it('creates a token for a user without a name, as in a container', async () => {
  const nameless = `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module';
    os.userInfo = () => { throw new Error('uv_os_get_passwd returned ENOENT'); }; syncBuiltinESMExports();`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(nameless)}`;
  const data = temporaryDirectory();
  const args = ['token', 'create', 'ops', '--scope', 'full', '--data', data];
  expect(await run(args, { NODE_OPTIONS })).toMatchObject({ stderr: '', code: 0 });
  const store = await openStore(`lmdb:${data}`);
  onTestFinished(() => store.close());
  const entries = await store.audit.list({ limit: 9 });
  expect(JSON.stringify(entries)).toMatch(/"by":"cli:\d+"/);
});

it('opens a listener for machines that boot, and stops with it', async () => {
  const child = program([
    '--listen',
    '127.0.0.1:0',
    '--store',
    'memory:',
    '--boot-listen',
    '127.0.0.1:0',
  ]);
  const lines = createInterface({ input: child.stdout });
  const seen: string[] = [];
  for await (const line of lines) {
    seen.push(line);
    if (line.startsWith('Machines boot from ')) break;
  }
  const url = seen.at(-1)?.split(' ').at(-1) ?? '';
  expect((await request(url, 'GET', '/boot/start.ipxe')).status).toBe(200);
  expect((await request(url, 'GET', '/api/health')).status).toBe(421);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('stops cleanly when its terminal is closed, though its log can be written no more', async () => {
  const args = ['src/cli/dragonfly-server.ts', '--listen', '127.0.0.1:0', '--store', 'memory:'];
  const script = 'exec "$@" 2>/dev/full';
  const child = spawn('sh', ['-c', script, 'sh', process.execPath, ...args]);
  await once(child.stdout, 'data');
  child.kill('SIGHUP');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it.each([
  [
    ['--boot-listen', ':8080'],
    'machines that boot from --boot-listen could not reach their server',
  ],
  [['--boot-listen', 'somewhere'], '--boot-listen somewhere must be an address and a port'],
])('refuses %j', async (args, why) => {
  const { code, stderr } = await run(['--listen', '127.0.0.1:0', '--store', 'memory:', ...args]);
  expect(stderr).toContain(why);
  expect(code).toBe(2);
});
