// Sessions that a token begins: a browser that stays signed in.
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import { createToken, revokeToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin, startServer, wrapStore, type TestServer } from '../harness.ts';

const dayMs = 86_400_000;
const name = 'dragonfly_session';

/** Two servers of one store, with tokens. */
async function prepared() {
  const store = await openStore('memory:');
  const make = (token: string, scope: 'read' | 'full', expiresAt: Date | null = null) =>
    createToken(store, systemClock, { name: token, scope, expiresAt });
  const full = await make('ops', 'full');
  const rack = { name: 'rack', scope: 'full', tags: ['rack-1'], expiresAt: null } as const;
  const read = await make('looker', 'read');
  return {
    make,
    full,
    read,
    limited: await createToken(store, systemClock, rack),
    server: await startServer({ store }),
    other: await startServer({ store }),
  };
}

interface Sent {
  readonly token?: string;
  readonly cookie?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly body?: object;
}

/** As a page of the server sends it. */
async function send(
  { app, url }: TestServer,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  { token, cookie, headers = { 'sec-fetch-site': 'same-origin' }, body }: Sent = {},
) {
  const answer = await app.inject({
    method,
    url: path,
    headers: {
      host: new URL(url).host,
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(cookie === undefined ? {} : { cookie: `${name}=${cookie}` }),
    },
    ...(body === undefined ? {} : { payload: body }),
  });
  return {
    status: answer.statusCode,
    body: answer.body === '' ? undefined : answer.json(),
    cookie: answer.cookies.find((one) => one.name === name),
  };
}

async function begin(server: TestServer, token: string, days = 30): Promise<string> {
  const { cookie } = await send(server, 'POST', '/api/sessions', { token, body: { days } });
  return cookie?.value ?? '';
}

const whoami = async (server: TestServer, cookie: string) => {
  const { status, body } = await send(server, 'GET', '/api/whoami', { cookie });
  return status === 200 ? `${body.name} ${body.scope} ${body.session}` : status;
};

it('a token begins a session that may do what it may, on every server of the store', async () => {
  const { server, other, read } = await prepared();
  const begun = await send(server, 'POST', '/api/sessions', { token: read, body: { days: 7 } });
  expect(begun.status).toBe(201);
  expect(begun.cookie).toMatchObject({
    path: '/',
    maxAge: 7 * 86_400,
    httpOnly: true,
    sameSite: 'Strict',
  });
  expect(JSON.stringify(begun.body)).not.toContain(begun.cookie?.value);
  const cookie = begun.cookie?.value ?? '';
  for (const one of [server, other]) expect(await whoami(one, cookie)).toBe('looker read true');
  const change = { cookie, body: { value: 'b' } };
  expect((await send(server, 'PUT', '/api/settings/a', change)).status).toBe(403);
});

it('only pages of the server change anything with it', async () => {
  const { server, full } = await prepared();
  const cookie = await begin(server, full);
  const put = async (headers: Record<string, string>) =>
    (await send(server, 'PUT', '/api/settings/a', { cookie, headers, body: { value: 'b' } }))
      .status;
  expect(await put({})).toBe(403);
  expect(await put({ 'sec-fetch-site': 'same-site' })).toBe(403);
  expect(await put({ origin: 'https://evil.example' })).toBe(403);
  expect(await put({ origin: server.url })).toBe(201);
  const ended = { cookie, headers: { 'sec-fetch-site': 'cross-site' } };
  expect((await send(server, 'DELETE', '/api/sessions', ended)).status).toBe(403);
  expect(await whoami(server, cookie)).toBe('ops full true');
});

it('ends with its token, and does not go on with a later one of the same name', async () => {
  const { server, make, full } = await prepared();
  const cookie = await begin(server, await make('short', 'read'));
  expect(await whoami(server, cookie)).toBe('short read true');
  const list = async (at: TestServer) =>
    (await send(at, 'GET', '/api/sessions', { token: full })).body.sessions;
  expect(await list(server)).toMatchObject([{ name: 'short' }]);
  await revokeToken(server.store, 'short');
  const later = await startServer({ store: server.store });
  expect(await whoami(later, cookie)).toBe(401);
  expect(await list(later)).toEqual([]);
  await make('short', 'full');
  expect(await whoami(await startServer({ store: server.store }), cookie)).toBe(401);
});

it('ends after its days, or with a token that ends before', async () => {
  const clock = new ManualClock(new Date());
  const store = await openStore('memory:');
  const endOf = async (token: string, days: number): Promise<number> => {
    const answer = await send(server, 'POST', '/api/sessions', { token, body: { days } });
    return (Date.parse(answer.body.expires_at) - clock.now().getTime()) / dayMs;
  };
  const expiresAt = new Date(clock.now().getTime() + 2 * dayMs);
  const short = await createToken(store, clock, { name: 'short', scope: 'read', expiresAt });
  const full = await createToken(store, clock, { name: 'ops', scope: 'full', expiresAt: null });
  const server = await startServer({ store, clock });
  expect(await endOf(short, 30)).toBe(2);
  expect(await endOf(full, 30)).toBe(30);
  const cookie = await begin(server, full, 1);
  clock.stepWall(dayMs - 1);
  expect(await whoami(server, cookie)).toBe('ops full true');
  clock.stepWall(1);
  expect(await whoami(server, cookie)).toBe(401);
});

it('a session begins no other one, and neither does a server without tokens', async () => {
  const { server, full } = await prepared();
  const body = { days: 30 };
  const cookie = await begin(server, full);
  expect((await send(server, 'POST', '/api/sessions', { cookie, body })).status).toBe(403);
  for (const days of [0, 91, 1.5]) {
    const sent = { token: full, body: { days } };
    expect([days, (await send(server, 'POST', '/api/sessions', sent)).status]).toEqual([days, 422]);
  }
  const open = await startServer();
  expect((await send(open, 'POST', '/api/sessions', { body })).body.code).toBe('auth.denied');
});

it('everybody sees and ends their own, and who may do everything those of all', async () => {
  const { server, other, full, read, limited } = await prepared();
  const cookies = [await begin(server, read), await begin(server, read, 7)];
  const ops = await begin(server, full);
  const list = async (cookie: string) =>
    (await send(server, 'GET', '/api/sessions', { cookie })).body.sessions;
  expect(await list(cookies[0] ?? '')).toHaveLength(2);
  const all = await list(ops);
  expect(all.map((one: { name: string }) => one.name).toSorted()).toEqual([
    'looker',
    'looker',
    'ops',
  ]);
  const { body } = await send(server, 'GET', '/api/sessions', { token: limited });
  expect(body.sessions).toEqual([]);
  const { id } = all.find((one: { current: boolean }) => one.current);
  expect(all.filter((one: { own: boolean }) => one.own)).toHaveLength(1);
  const path = `/api/sessions/${id}`;
  const refused = await send(server, 'DELETE', path, { token: read });
  expect([refused.status, refused.body.code]).toEqual([404, 'session.unknown']);
  const own = await send(other, 'DELETE', '/api/sessions', { token: read });
  expect(own.body).toEqual({ ended: 2 });
  for (const cookie of cookies) expect(await whoami(server, cookie)).toBe(401);
  expect(await whoami(server, ops)).toBe('ops full true');
  expect((await send(other, 'DELETE', path, { cookie: ops })).status).toBe(204);
  expect(await whoami(server, ops)).toBe(401);
  const { entries } = (await send(server, 'GET', '/api/audit', { token: full })).body;
  const last = entries.map((one: { by: string; action: string }) => `${one.by} ${one.action}`);
  expect(last.slice(-2)).toEqual(['looker sessions.delete', 'ops sessions.delete']);
});

it("a machine's token sees and ends none", async () => {
  const { server } = await prepared();
  const enrol = { name: 'agents', scope: 'enrol', expiresAt: null } as const;
  const token = await createToken(server.store, systemClock, enrol);
  const later = await startServer({ store: server.store });
  const hello = await later.call('POST', '/api/agent/checkin', { body: checkin(1), token });
  const own = { token: hello.body.token };
  const beat = { machine_id: hello.body.machine_id };
  expect((await later.call('POST', '/api/agent/heartbeat', { ...own, body: beat })).status).toBe(
    200,
  );
  for (const [method, path] of [
    ['GET', '/api/sessions'],
    ['DELETE', '/api/sessions'],
    ['DELETE', `/api/sessions/${'0'.repeat(16)}`],
  ] as const) {
    expect([method, (await send(later, method, path, own)).status]).toEqual([method, 403]);
  }
});

it('signing out ends it, and a token has twenty at most', async () => {
  const { server, full } = await prepared();
  const first = await begin(server, full, 1);
  const second = await begin(server, full, 2);
  expect((await send(server, 'POST', '/api/sign-out', { cookie: second })).status).toBe(204);
  expect(await whoami(server, second)).toBe(401);
  for (let n = 0; n < 19; n += 1) await begin(server, full);
  expect(await whoami(server, first)).toBe('ops full true');
  await begin(server, full);
  expect(await whoami(server, first)).toBe(401);
  const { body } = await send(server, 'GET', '/api/sessions', { token: full });
  expect(body.sessions).toHaveLength(20);
});

it('ends none for a further one that could not be stored', async () => {
  let isFull = false;
  const kept = await openStore('memory:');
  const store = wrapStore(kept, (operation, work) => async (...args) => {
    if (isFull && operation === 'settings.put') throw new AppError('store.full', 'no room');
    return work(...args);
  });
  const full = await createToken(store, systemClock, {
    name: 'ops',
    scope: 'full',
    expiresAt: null,
  });
  const server = await startServer({ store });
  const cookies: string[] = [];
  for (let n = 0; n < 20; n += 1) cookies.push(await begin(server, full, 30 + n));
  isFull = true;
  const refused = await send(server, 'POST', '/api/sessions', { token: full, body: { days: 1 } });
  expect(refused.status).toBe(507);
  expect(await whoami(server, cookies[0] ?? '')).toBe('ops full true');
  isFull = false;
  const last = await begin(server, full, 1);
  expect([await whoami(server, cookies[0] ?? ''), await whoami(server, last)]).toEqual([
    401,
    'ops full true',
  ]);
});

it('leaves nothing in the store once it has ended', async () => {
  const { server, read } = await prepared();
  const left = async (): Promise<number> =>
    (await server.store.settings.list({ prefix: '~auth.session.' })).items.length;
  const body = { days: 90 };
  let cookie = await begin(server, read);
  for (let n = 0; n < 3; n += 1) {
    const next = await send(server, 'POST', '/api/sessions', { token: read, cookie, body });
    cookie = next.cookie?.value ?? '';
  }
  expect([await whoami(server, cookie), await left()]).toEqual(['looker read true', 1]);
  expect((await send(server, 'DELETE', '/api/sessions', { cookie })).body).toEqual({ ended: 1 });
  expect([await whoami(server, cookie), await left()]).toEqual([401, 0]);
});
