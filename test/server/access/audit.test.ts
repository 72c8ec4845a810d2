// The entries of the audit log, and who may read them.
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken, type NewToken } from '../../../src/server/access/tokens.ts';
import {
  checkin,
  imageTemplate,
  rebootTemplate,
  startServer,
  type TestServer,
} from '../harness.ts';

const tokenOf = ({ store }: TestServer, scope: NewToken['scope'], name: string = scope) =>
  createToken(store, systemClock, { name, scope, expiresAt: null });

interface Entry {
  readonly id: string;
  readonly by: string;
  readonly from: string | null;
  readonly action: string;
  readonly records: readonly string[];
  readonly change: unknown;
  readonly request_id: string;
}

/** A server with a machine, and its operators. */
async function prepared() {
  const server = await startServer();
  const full = await tokenOf(server, 'full', 'ops');
  const operate = await tokenOf(server, 'operate', 'night-shift');
  const read = await tokenOf(server, 'read', 'watcher');
  const enrol = await tokenOf(server, 'enrol', 'rack');
  const hello = await server.call('POST', '/api/agent/checkin', { body: checkin(1), token: enrol });
  const id: string = hello.body.machine_id;
  const log = async (query = ''): Promise<Entry[]> =>
    (await server.call('GET', `/api/audit${query}`, { token: full })).body.entries;
  return { server, full, operate, read, enrol, id, log };
}

it('every change by an operator is in the audit log: who, what, from where, which record', async () => {
  const { server, full, operate, id, log } = await prepared();
  const patch = await server.call('PATCH', `/api/machines/${id}`, {
    body: { hostname: 'db-1' },
    token: operate,
  });
  await server.call('PUT', '/api/templates/restart', { body: rebootTemplate, token: full });
  const workflow = await server.call('POST', '/api/workflows', {
    body: { machine_id: id, template: 'restart' },
    token: operate,
  });
  const workflowId = workflow.body.metadata.name;
  await server.call('POST', `/api/workflows/${workflowId}/cancel`, { token: operate });
  await server.call('POST', '/api/machines/bulk', {
    body: { ids: [id], add_tags: ['rack-1'] },
    token: full,
  });
  await server.call('DELETE', `/api/machines/${id}`, { token: full });
  const entries = await log();
  expect(entries.map(({ by, action, records }) => [by, action, records])).toEqual([
    ['night-shift', 'machines.patch', [`machines/${id}`]],
    ['ops', 'templates.put', ['templates/restart']],
    ['night-shift', 'workflows.create', [`workflows/${workflowId}`, `machines/${id}`]],
    ['night-shift', 'workflows.cancel', [`workflows/${workflowId}`, `machines/${id}`]],
    ['ops', 'machines.bulk', [`machines/${id}`]],
    ['ops', 'machines.delete', [`machines/${id}`]],
  ]);
  expect(entries[0]).toMatchObject({
    from: '127.0.0.1',
    change: { hostname: 'db-1' },
    request_id: patch.headers.get('x-request-id'),
  });
  expect((await log(`?record=machines/${id}`)).map(({ action }) => action)).toEqual([
    'machines.patch',
    'workflows.create',
    'workflows.cancel',
    'machines.bulk',
    'machines.delete',
  ]);
});

it("an operator who speaks for a machine's agent is in it, and in the machine's history; the agent is not", async () => {
  const { server, full, operate, enrol, log } = await prepared();
  const boot = { boot_id: 'a', uptime_seconds: 0 };
  const hello = await server.call('POST', '/api/agent/checkin', {
    body: checkin(2, boot),
    token: enrol,
  });
  const id: string = hello.body.machine_id;
  await server.call('PUT', '/api/templates/restart', { body: rebootTemplate, token: full });
  const { body: workflow } = await server.call('POST', '/api/workflows', {
    body: { machine_id: id, template: 'restart' },
    token: operate,
  });
  const as = (token: string, path: string, body: object) =>
    server.call('POST', path, { body, token });
  const events = `/api/workflows/${workflow.metadata.name}/events`;
  const lines = [{ age_ms: 0, source: 'agent', text: 'all is well' }];
  const piece = { machine_id: id, boot_id: 'a', stream: 's', first: 0, lines };
  const before = (await log()).length;
  expect((await as(hello.body.token, events, { type: 'started' })).status).toBe(204);
  expect((await as(hello.body.token, '/api/agent/logs', piece)).status).toBe(204);
  expect(await log()).toHaveLength(before);
  expect(
    (await as(operate, events, { type: 'completed', success: false, error: 'no' })).status,
  ).toBe(204);
  expect((await as(operate, '/api/agent/logs', { ...piece, first: 1 })).status).toBe(204);
  const told = (await log()).slice(before);
  expect(told.map(({ by, action, records }) => [by, action, records])).toEqual([
    ['night-shift', 'workflows.events', [`workflows/${workflow.metadata.name}`]],
    ['night-shift', 'agent.logs', [`machines/${id}`]],
  ]);
  expect(told.map(({ change }) => change)).toMatchObject([{ success: false }, { lines: 1 }]);
  const { body } = await server.call('GET', `/api/machines/${id}/history`, { token: full });
  expect(body.history[0]).toMatchObject({ what: 'state', by: 'night-shift' });
});

it("an agent that always comes with an operator's token is in it once, however often it comes", async () => {
  const server = await startServer();
  const full = await tokenOf(server, 'full', 'ops');
  const say = async (boot_id: string): Promise<string> => {
    const body = checkin(1, { boot_id, uptime_seconds: 0 });
    const hello = await server.call('POST', '/api/agent/checkin', { body, token: full });
    expect(hello.status).toBe(200);
    return hello.body.machine_id;
  };
  const log = async (): Promise<Entry[]> =>
    (await server.call('GET', '/api/audit', { token: full })).body.entries;
  const id = await say('a');
  for (const boot of ['a', 'b', 'b']) {
    const beat = { body: { machine_id: id, boot_id: boot }, token: full };
    await server.call('POST', '/api/agent/heartbeat', beat);
    await say(boot);
  }
  expect(await log()).toMatchObject([
    {
      by: 'ops',
      from: '127.0.0.1',
      action: 'agent.checkin',
      records: [`machines/${id}`],
      change: { boot_id: 'a', mac: checkin(1).mac },
    },
  ]);
  expect((await log())[0]?.change).not.toHaveProperty('disks');
});

it('reads, refusals, dry runs and agents are not in it', async () => {
  const { server, full, read, id, log } = await prepared();
  await server.call('GET', `/api/machines/${id}`, { token: full });
  await server.call('PATCH', `/api/machines/${id}`, { body: { hostname: 'x' }, token: read });
  await server.call('PATCH', `/api/machines/${id}`, { body: { nonsense: 'x' }, token: full });
  await server.call('PUT', '/api/templates/debian', { body: imageTemplate, token: full });
  const tried = await server.call('POST', '/api/templates/debian/try', {
    body: imageTemplate,
    token: full,
  });
  expect(tried.status).toBe(200);
  await server.call('POST', '/api/workflows', {
    body: { machine_id: id, template: 'debian', dry_run: true },
    token: full,
  });
  expect((await log()).map(({ action }) => action)).toEqual(['templates.put']);
});

it('no secret is in it, and a long change as its digest alone', async () => {
  const { server, full, id, log } = await prepared();
  const secret = 'correct-horse-battery';
  const put = (key: string, body: object) =>
    server.call('PUT', `/api/settings/${key}`, { body, token: full });
  await put('template.default_password', { value: secret });
  await put('rack.note', { value: secret, secret: true });
  await put('rack.long', { value: 'x'.repeat(20_000) });
  const announced = [
    `pw password=${secret}`,
    `token: ${secret}`,
    `Authorization: Bearer ${secret}`,
    `run --password ${secret}`,
    `see http://me:${secret}@192.0.2.1/ and https://192.0.2.1/?sig=${secret}`,
  ];
  for (const [n, value] of announced.entries()) await put(`rack.free-${n}`, { value });
  await server.call('PATCH', `/api/machines/${id}`, {
    body: {
      labels: { note: `secret: ${secret}` },
      bmc: { address: '192.0.2.1', username: 'root', password: secret, bmc_type: 'Ipmi' },
    },
    token: full,
  });
  await server.call('POST', '/api/tokens', { body: { name: 'new', scope: 'read' }, token: full });
  const entries = await log();
  expect(entries.length).toBeGreaterThan(3);
  expect(JSON.stringify(entries)).not.toContain(secret);
  expect(entries[2]?.change).toEqual({
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    characters: expect.any(Number),
  });
  expect(entries.at(-1)).toMatchObject({ action: 'tokens.create', records: ['tokens/new'] });
});

it("a machine's history names the operator who changed it", async () => {
  const { server, operate, read, id } = await prepared();
  await server.call('PATCH', `/api/machines/${id}`, { body: { hostname: 'db-1' }, token: operate });
  const { body } = await server.call('GET', `/api/machines/${id}/history`, { token: read });
  expect(body.history[0]).toMatchObject({ what: 'hostname', after: 'db-1', by: 'night-shift' });
});

it('is for full tokens alone, by page and as lines, and from a time on', async () => {
  const { server, full, operate, read, id, log } = await prepared();
  for (let n = 0; n < 5; n += 1) {
    await server.call('PATCH', `/api/machines/${id}`, { body: { hostname: `h${n}` }, token: full });
  }
  for (const path of ['/api/audit', '/api/audit/export']) {
    expect((await server.call('GET', path, { token: operate })).status).toBe(403);
    expect((await server.call('GET', path, { token: read })).status).toBe(403);
  }
  const first = await server.call('GET', '/api/audit?limit=2', { token: full });
  const next = encodeURIComponent(first.body.next_cursor);
  expect((await log(`?limit=2&cursor=${next}`)).map(({ change }) => change)).toEqual([
    { hostname: 'h2' },
    { hostname: 'h3' },
  ]);
  const text = await (
    await fetch(`${server.url}/api/audit/export`, { headers: { authorization: `Bearer ${full}` } })
  ).text();
  expect(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).change.hostname),
  ).toEqual(['h0', 'h1', 'h2', 'h3', 'h4']);
  const later = new Date(Date.now() + 60_000).toISOString();
  expect(await log(`?since=${later}`)).toEqual([]);
  expect(await log('?since=2026-01-01T00:00:00Z')).toHaveLength(5);
});

it('a token of scope operate changes machines, workflows and templates, and nothing of access', async () => {
  const { server, operate, id } = await prepared();
  const as = async (method: string, path: string, body?: unknown) =>
    (await server.call(method, path, { token: operate, body })).status;
  expect(await as('PATCH', `/api/machines/${id}`, { tags: ['a'] })).toBe(200);
  expect(await as('PUT', '/api/templates/restart', rebootTemplate)).toBe(201);
  expect(await as('POST', '/api/workflows', { machine_id: id, template: 'restart' })).toBe(201);
  expect(await as('GET', '/api/settings')).toBe(200);
  expect(await as('PUT', '/api/settings/a', { value: 'b' })).toBe(403);
  expect(await as('DELETE', '/api/settings/a')).toBe(403);
  expect(await as('GET', '/api/tokens')).toBe(403);
  expect(await as('POST', '/api/tokens', { name: 'x', scope: 'full' })).toBe(403);
  expect(await as('POST', '/api/agent/checkin', checkin(2))).toBe(403);
  await server.store.settings.put({ key: 'template.default_password', value: 'open-sesame' });
  const shown = await server.call('GET', '/api/settings/template.default_password', {
    token: operate,
  });
  expect(shown.body.value).toBe('********');
});

it('a token says when it was last used', async () => {
  const { server, full, read, id } = await prepared();
  const list = async () => {
    const { body } = await server.call('GET', '/api/tokens', { token: full });
    return new Map<string, string | null>(
      body.tokens.map((one: { name: string; last_used: string | null }) => [
        one.name,
        one.last_used,
      ]),
    );
  };
  expect((await list()).get('watcher')).toBeNull();
  await server.call('GET', `/api/machines/${id}`, { token: read });
  const used = (await list()).get('watcher') ?? '';
  expect(Math.abs(Date.parse(used) - Date.now())).toBeLessThan(60_000);
  const settings = await server.call('GET', '/api/settings', { token: full });
  expect(settings.body.settings).toEqual([]);
});
