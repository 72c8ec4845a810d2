import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { createToken, hashToken, type NewToken } from '../../../src/server/access/tokens.ts';
import { OldTokens } from '../../store/version-0.1.0/tokens.ts';
import { checkin, rebootTemplate, startServer, type TestServer } from '../harness.ts';

const tokenOf = (
  server: TestServer,
  scope: NewToken['scope'],
  name: string = scope,
  expiresAt: Date | null = null,
) => createToken(server.store, systemClock, { name, scope, expiresAt });

it('an agent enrols with an enrolment token and works with one of its own', async () => {
  const server = await startServer();
  const [enrol, full] = [await tokenOf(server, 'enrol'), await tokenOf(server, 'full')];
  const hello = await server.call('POST', '/api/agent/checkin', { body: checkin(1), token: enrol });
  const { machine_id, token } = hello.body;
  expect(token).toMatch(/^dfm_[0-9a-f-]{36}_[\w-]{43}$/);
  const body = { machine_id };
  const beat = (bearer: string) =>
    server.call('POST', '/api/agent/heartbeat', { body, token: bearer });
  expect((await beat(token)).status).toBe(200);
  expect((await beat(enrol)).status).toBe(403);
  // Checking in with it gives no new one: nothing is written.
  const again = await server.call('POST', '/api/agent/checkin', { body: checkin(1), token });
  expect(again.body).toMatchObject({ is_new: false, machine_id });
  expect(again.body).not.toHaveProperty('token');
  expect((await server.call('GET', '/api/machines', { token })).status).toBe(403);
  expect((await server.call('GET', '/api/machines', { token: full })).status).toBe(200);
});

it('a machine that lost its token enrols again, and the one before goes on for one turn', async () => {
  const server = await startServer();
  const enrol = await tokenOf(server, 'enrol');
  const tokens: string[] = [];
  let id = '';
  for (let i = 0; i < 3; i++) {
    const { body } = await server.call('POST', '/api/agent/checkin', {
      body: checkin(1),
      token: enrol,
    });
    id = body.machine_id;
    tokens.push(body.token);
  }
  const statuses = [];
  for (const token of tokens) {
    const body = { machine_id: id };
    statuses.push((await server.call('POST', '/api/agent/heartbeat', { body, token })).status);
  }
  expect(statuses).toEqual([401, 200, 200]);
});

it("a machine's token opens nothing of another machine", async () => {
  const server = await startServer();
  const [enrol, full] = [await tokenOf(server, 'enrol'), await tokenOf(server, 'full')];
  const [one, two] = await Promise.all(
    [1, 2].map((n) =>
      server.call('POST', '/api/agent/checkin', { body: checkin(n), token: enrol }),
    ),
  );
  await server.call('PUT', '/api/templates/restart', { body: rebootTemplate, token: full });
  const workflow = await server.call('POST', '/api/workflows', {
    body: { machine_id: one?.body.machine_id, template: 'restart' },
    token: full,
  });
  const path = `/api/workflows/${workflow.body.metadata.name}`;
  const template = `/api/templates/restart?machine_id=${one?.body.machine_id}`;
  const event = { type: 'started' };
  const own = one?.body.token;
  const other = two?.body.token;
  expect((await server.call('GET', path, { token: own })).status).toBe(200);
  expect((await server.call('GET', template, { token: own })).status).toBe(200);
  const tries = [
    await server.call('GET', path, { token: other }),
    await server.call('GET', template, { token: other }),
    await server.call('POST', `${path}/events`, { body: event, token: other }),
    await server.call('POST', '/api/agent/heartbeat', {
      body: { machine_id: one?.body.machine_id },
      token: other,
    }),
  ];
  expect(tries.map((answer) => answer.status)).toEqual([403, 403, 403, 403]);
});

it("a machine's token registers no other machine, known or new", async () => {
  const server = await startServer();
  const [enrol, full] = [await tokenOf(server, 'enrol'), await tokenOf(server, 'full')];
  const checkIn = (n: number, token: string, more = {}) =>
    server.call('POST', '/api/agent/checkin', { body: checkin(n, more), token });
  const a = (await checkIn(1, enrol)).body;
  const b = (await checkIn(2, enrol)).body;
  await server.call('DELETE', '/api/tokens/enrol', { token: full });
  const before = (await server.store.machines.get(b.machine_id))?.value;
  const tries = [
    await checkIn(2, a.token),
    await checkIn(2, a.token, { boot_id: 'b', sequence: 1, uptime_seconds: 0 }),
    // Evidence for both: the token settles that it is a, but the primary MAC is that of b.
    await checkIn(2, a.token, { all_macs: [checkin(1).mac, checkin(2).mac] }),
    await checkIn(3, a.token),
    await checkIn(3, a.token, { smbios_uuid: '4c4c4544-0051-3510-8052-b4c04f4a3133' }),
  ];
  expect(tries.map(({ status, body }) => [status, body.code])).toEqual(
    tries.map(() => [403, 'auth.denied']),
  );
  expect(JSON.stringify(tries.map(({ body }) => body))).not.toContain(b.machine_id);
  expect((await server.store.machines.get(b.machine_id))?.value).toEqual(before);
  expect((await server.store.machines.list()).items).toHaveLength(2);
  expect((await checkIn(1, a.token)).body).toMatchObject({ machine_id: a.machine_id });
});

it("says what a machine's token is good for where it is refused", async () => {
  const server = await startServer();
  const enrol = await tokenOf(server, 'enrol');
  const body = checkin(1);
  const { token } = (await server.call('POST', '/api/agent/checkin', { body, token: enrol })).body;
  const refused = async (method: string, path: string) =>
    (await server.call(method, path, { token })).body.error;
  const reach =
    "a machine's token is good for the check-ins, heartbeats, logs and work of that machine alone";
  expect(await refused('GET', '/api/machines')).toBe(`${reach}, and this takes one of scope read`);
  expect(await refused('GET', '/api/tokens')).toBe(`${reach}, and this takes one of scope full`);
});

it('keeps no token, only its SHA-256', async () => {
  const server = await startServer();
  const enrol = await tokenOf(server, 'enrol');
  const { body } = await server.call('POST', '/api/agent/checkin', {
    body: checkin(1),
    token: enrol,
  });
  const machine = await server.store.machines.get(body.machine_id);
  expect(machine?.value.token_sha256).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  const { items } = await server.store.settings.list();
  const stored = JSON.stringify([items, machine]);
  expect(stored).not.toContain(enrol);
  expect(stored).not.toContain(body.token);
});

it('a revoked token and an expired one are refused', async () => {
  const clock = new ManualClock(new Date());
  const server = await startServer({ clock });
  const full = await tokenOf(server, 'full');
  const soon = new Date(clock.now().getTime() + 60_000);
  const brief = await tokenOf(server, 'read', 'brief', soon);
  const read = await server.call('POST', '/api/tokens', {
    body: { name: 'watcher', scope: 'read' },
    token: full,
  });
  const get = async (token: string) =>
    (await server.call('GET', '/api/machines', { token })).status;
  expect([await get(brief), await get(read.body.token)]).toEqual([200, 200]);
  await server.call('DELETE', '/api/tokens/watcher', { token: full });
  await clock.advance(61_000);
  expect([await get(brief), await get(read.body.token)]).toEqual([401, 401]);
  const list = await server.call('GET', '/api/tokens', { token: full });
  expect(list.body.tokens.map((t: { name: string }) => t.name)).toEqual(['brief', 'full']);
  expect(JSON.stringify(list.body)).not.toContain('sha256');
});

it('an agent without a token is served only where stock agents are allowed', async () => {
  for (const [stockAgents, status] of [
    [false, 401],
    [true, 200],
  ] as const) {
    const server = await startServer({ auth: { stockAgents } });
    await tokenOf(server, 'full');
    const hello = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    expect(hello.status).toBe(status);
    expect((await server.call('GET', '/api/machines')).status).toBe(401);
  }
});

it('a browser is asked for a token when it opens a page, and may only read with it', async () => {
  const server = await startServer();
  const full = await tokenOf(server, 'full');
  const headers = { accept: 'text/html,*/*' };
  const asked = await server.call('GET', '/docs', { headers });
  expect(asked.status).toBe(401);
  expect(asked.headers.get('www-authenticate')).toMatch(/^Basic /);
  const basic = { authorization: `Basic ${Buffer.from(`me:${full}`).toString('base64')}` };
  expect((await server.call('GET', '/docs', { headers: basic })).status).toBe(200);
  const body = { value: 'x' };
  const put = await server.call('PUT', '/api/settings/a', { headers: basic, body });
  expect(put.status).toBe(401);
});

it('revoking the last token opens nothing where tokens are required', async () => {
  const server = await startServer({ auth: { required: true } });
  const full = await tokenOf(server, 'full');
  const revoked = await server.call('DELETE', '/api/tokens/full', { token: full });
  expect(revoked.status).toBe(204);
  expect((await server.call('GET', '/api/machines', { token: full })).status).toBe(401);
  expect((await server.call('GET', '/api/machines')).status).toBe(401);
  const hello = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
  expect(hello.status).toBe(401);
});

it('revoking the last token opens nothing, on any server of the store', async () => {
  const clock = new ManualClock(new Date());
  const server = await startServer({ clock });
  const full = await tokenOf(server, 'full');
  await server.call('DELETE', '/api/tokens/full', { token: full });
  const again = await startServer({ clock, store: server.store });
  for (const one of [server, again]) {
    const { status, body } = await one.call('GET', '/api/machines');
    expect([status, body.error]).toEqual([401, expect.stringContaining('stop the server')]);
  }
});

it('revoking the last token of a store of version 0.1.0 opens nothing either', async () => {
  const clock = new ManualClock(new Date());
  const server = await startServer({ clock });
  const other = new OldTokens(server.store);
  await other.create({ name: 'there', scope: 'read', sha256: hashToken('there') });
  expect((await server.call('GET', '/api/machines')).status).toBe(401);
  await other.revoke('there');
  await clock.advance(5000);
  expect((await server.call('GET', '/api/machines')).status).toBe(401);
});

it('the first token created over the API has to be of scope full', async () => {
  const server = await startServer();
  const create = (scope: string) =>
    server.call('POST', '/api/tokens', { body: { name: scope, scope } });
  for (const scope of ['read', 'enrol']) {
    const { status, body } = await create(scope);
    expect([status, body.code]).toEqual([409, 'token.needs-full']);
  }
  expect((await server.call('GET', '/api/machines')).status).toBe(200);
  const { body } = await create('full');
  const more = { body: { name: 'more', scope: 'read' }, token: body.token };
  expect((await server.call('POST', '/api/tokens', more)).status).toBe(201);
});

it('an enrolment token may come from the configuration', async () => {
  const enrolmentToken = 'a-token-of-the-configuration';
  const server = await startServer({ auth: { enrolmentToken } });
  const call = (token?: string) =>
    server.call('POST', '/api/agent/checkin', { body: checkin(1), token });
  expect([(await call()).status, (await call(enrolmentToken)).status]).toEqual([401, 200]);
});

it('deleting a machine ends its token', async () => {
  const server = await startServer();
  const [enrol, full] = [await tokenOf(server, 'enrol'), await tokenOf(server, 'full')];
  const { body } = await server.call('POST', '/api/agent/checkin', {
    body: checkin(1),
    token: enrol,
  });
  const { machine_id, token } = body;
  const gone = await server.call('DELETE', `/api/machines/${machine_id}`, { token: full });
  expect(gone.status).toBe(204);
  const beat = await server.call('POST', '/api/agent/heartbeat', { body: { machine_id }, token });
  expect(beat.status).toBe(401);
});

it('takes within seconds what a server of version 0.1.0 on the same store creates and revokes', async () => {
  const clock = new ManualClock(new Date());
  const server = await startServer({ clock });
  await tokenOf(server, 'full');
  const other = new OldTokens(server.store);
  const get = async () => (await server.call('GET', '/api/machines', { token: 'there' })).status;
  expect(await get()).toBe(401);
  await other.create({ name: 'there', scope: 'read', sha256: hashToken('there') });
  await clock.advance(5000);
  expect(await get()).toBe(200);
  await other.revoke('there');
  await clock.advance(5000);
  expect(await get()).toBe(401);
});
