// Sessions of operators who signed in with a provider.
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../../src/core/clock.ts';
import { People } from '../../../../src/server/access/oidc/people.ts';
import { parseRules } from '../../../../src/server/access/oidc/rules.ts';
import { Sessions } from '../../../../src/server/access/sessions.ts';
import { createToken } from '../../../../src/server/access/tokens.ts';
import { startServer, type TestServer } from '../../harness.ts';
import { Browser } from './provider.ts';
import { callback, get, prepared, sessionName, signIn, statusOf } from './signing-in.ts';

it('a rule that is taken away ends what it allowed, at the next start of a server', async () => {
  const { provider, server, browser } = await prepared();
  await signIn(browser, server);
  const oidc = provider.options();
  for (const [rules, status] of [
    ['staff=read', 200],
    ['rack team=operate', 401],
  ] as const) {
    const later = await startServer({
      store: server.store,
      oidc: { ...oidc, rules: parseRules(rules) },
    });
    browser.setCookie(later.url, sessionName, browser.cookieOf(server.url, sessionName) ?? '');
    expect([rules, await statusOf(browser, later)]).toEqual([rules, status]);
  }
});

it('a session that somebody planted is not taken up, and ends', async () => {
  const { server, browser } = await prepared();
  const attacker = new Browser();
  await signIn(attacker, server);
  const planted = attacker.cookieOf(server.url, sessionName) ?? '';
  browser.setCookie(server.url, sessionName, planted);
  await signIn(browser, server);
  expect(browser.cookieOf(server.url, sessionName)).not.toBe(planted);
  expect(await statusOf(attacker, server)).toBe(401);
  const made = new Browser();
  made.setCookie(server.url, sessionName, `${'a'.repeat(43)}.${'b'.repeat(43)}`);
  expect(await statusOf(made, server)).toBe(401);
  const [id = ''] = (browser.cookieOf(server.url, sessionName) ?? '').split('.');
  made.setCookie(server.url, sessionName, `${id}.${'b'.repeat(43)}`);
  expect(await statusOf(made, server)).toBe(401);
});

it('with a session only pages of this server change anything', async () => {
  const { server, browser } = await prepared();
  await signIn(browser, server);
  const put = async (headers: Record<string, string>) => {
    const init = { method: 'PUT', body: '{"value":"b"}' };
    const all = { 'content-type': 'application/json', ...headers };
    return (await browser.send(`${server.url}/api/settings/a`, { ...init, headers: all })).status;
  };
  const origin = server.url;
  expect(await put({})).toBe(403);
  expect(await put({ origin: 'https://evil.example' })).toBe(403);
  expect(await put({ origin: 'null' })).toBe(403);
  expect(await put({ 'sec-fetch-site': 'cross-site', origin })).toBe(403);
  expect(await put({ 'sec-fetch-site': 'same-site', origin })).toBe(403);
  expect(await put({ 'sec-fetch-site': 'none' })).toBe(403);
  expect(await put({ 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' })).toBe(403);
  expect(await server.store.settings.get('a')).toBeUndefined();
  expect(await put({ origin })).toBe(201);
  expect(await put({ 'sec-fetch-site': 'same-origin', origin })).toBe(200);
  for (const path of ['/api/sign-out', '/api/workflows/x/events', '/api/agent/checkin']) {
    const foreign = { method: 'POST', headers: { origin: 'https://evil.example' } };
    expect([path, (await browser.send(server.url + path, foreign)).status]).toEqual([path, 403]);
  }
  const read = await browser.send(`${server.url}/api/machines`, {
    headers: { 'sec-fetch-site': 'cross-site' },
  });
  expect(read.status).toBe(403);
  expect(await statusOf(browser, server)).toBe(200);
});

it('a session ends after its hours, and what is left of it goes', async () => {
  const clock = new ManualClock(new Date());
  const { provider, server } = await prepared();
  const sessions = new Sessions(server.store, clock);
  const { signIns } = new People(provider.options(), server.store, clock);
  const pending = { issuer: provider.issuer, state: 's', nonce: 'n', verifier: 'v' };
  const cookie = await sessions.beginOnce(pending.state, { name: 'alice', groups: [] }, 10);
  const sealed = await signIns.seal(pending, '/');
  await clock.advance(10 * 60_000 - 1);
  expect(await signIns.open(sealed)).toMatchObject(pending);
  await clock.advance(1);
  expect(await signIns.open(sealed)).toBeUndefined();
  await clock.advance(10 * 3_600_000 - 10 * 60_000 - 1);
  expect(await sessions.find(cookie)).toBeDefined();
  await clock.advance(1);
  expect(await sessions.find(cookie)).toBeUndefined();
  const left = async (): Promise<number> => {
    await sessions.forgetOld(clock.now());
    return (await server.store.settings.list({ prefix: '~auth.session.' })).items.length;
  };
  expect(await left()).toBe(1);
  await clock.advance(10 * 60_000 + 1);
  expect(await left()).toBe(0);
});

it('cookies are for this host and no script, over HTTPS for that alone', async () => {
  const { provider, server } = await prepared();
  const secure = await startServer({
    publicUrl: 'https://fleet.example',
    oidc: provider.options(),
    store: server.store,
  });
  const cookieOf = async ({ app }: TestServer, host: string) => {
    const answer = await app.inject({ url: '/auth/sign-in', headers: { host } });
    return String(answer.headers['set-cookie']).replace(/=[^;]*/, '');
  };
  const { host } = new URL(server.url);
  expect(await cookieOf(server, host)).toBe(
    'dragonfly_sign_in; Path=/; Max-Age=600; HttpOnly; SameSite=Lax',
  );
  expect(await cookieOf(secure, 'fleet.example')).toBe(
    '__Host-dragonfly_sign_in; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure',
  );
  const moved = await secure.app.inject({ url: '/auth/sign-in?to=/a', headers: { host } });
  expect(moved.headers.location).toBe('https://fleet.example/auth/sign-in?to=%2Fa&moved=true');
  const browser = new Browser();
  const back = await browser.follow(`${server.url}/auth/sign-in`, callback);
  const [, session] = (await browser.send(back)).headers.getSetCookie();
  expect(session).toMatch(
    /^dragonfly_session=[\w-]{43}\.[\w-]{43}; Path=\/; Max-Age=36000; HttpOnly; SameSite=Strict$/,
  );
});

it('no answer and no record holds what a browser could sign in with', async () => {
  const { server, browser } = await prepared();
  await signIn(browser, server);
  const [, secret = ''] = (browser.cookieOf(server.url, sessionName) ?? '').split('.');
  expect(secret).toHaveLength(43);
  const stored: unknown[] = [];
  for await (const { value } of server.store.settings.all()) stored.push(value);
  for await (const { value } of server.store.audit.all()) stored.push(value);
  expect(JSON.stringify(stored)).not.toContain(secret);
  const { settings } = Object(await (await get(browser, server, '/api/settings')).json());
  expect(settings).toEqual([]);
});

it('an operator sees who is signed in, and ends a session on every server', async () => {
  const { server, other, browser } = await prepared();
  await signIn(browser, server);
  const headers = { 'sec-fetch-site': 'same-origin' };
  const list = async () =>
    Object(await (await get(browser, server, '/api/sessions')).json()).sessions;
  const [session, ...more] = await list();
  expect(more).toEqual([]);
  expect(session).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{16}$/),
    name: 'alice@example.com (oidc alice)',
    token: false,
    groups: ['staff', 'admins'],
    own: true,
    current: true,
    created_at: expect.stringMatching(/Z$/),
    from: '127.0.0.1',
    browser: expect.any(String),
    expires_at: expect.stringMatching(/Z$/),
  });
  const full = { name: 'ops', scope: 'full', expiresAt: null } as const;
  const token = await createToken(server.store, systemClock, full);
  const read = await createToken(server.store, systemClock, { ...full, name: 'r', scope: 'read' });
  const path = `/api/sessions/${session.id}`;
  expect((await other.call('DELETE', path, { token: read })).status).toBe(404);
  expect((await other.call('GET', '/api/sessions', { token: read })).body.sessions).toEqual([]);
  expect((await other.call('DELETE', path, { token })).status).toBe(204);
  expect(await statusOf(browser, server)).toBe(401);
  expect((await other.call('GET', '/api/sessions', { token })).body).toEqual({ sessions: [] });
  expect((await other.call('DELETE', path, { token })).body.code).toBe('session.unknown');
  const { entries } = (await other.call('GET', '/api/audit', { token, headers })).body;
  expect(entries).toMatchObject([
    { by: 'alice@example.com (oidc alice)', action: 'sessions.create', records: [path.slice(5)] },
    { by: 'ops', action: 'sessions.delete', records: [path.slice(5)] },
  ]);
});

it('a damaged session lets nobody in, keeps nobody out, and old ones are forgotten beside it', async () => {
  const { server, browser } = await prepared();
  const clock = new ManualClock(new Date());
  const sessions = new Sessions(server.store, clock);
  await sessions.beginOnce('s', { name: 'bob', groups: [] }, 1);
  await signIn(browser, server);
  const [id = ''] = (browser.cookieOf(server.url, sessionName) ?? '').split('.');
  const keys = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { value } of server.store.settings.all()) {
      if (value.key.includes('session.')) found.push(value.key);
    }
    return found;
  };
  const own = (await keys()).find((key) => key.endsWith(id));
  for (const value of ['{"person":', '{}', 'null']) {
    await server.store.settings.put({ key: own ?? '', value });
    expect(await statusOf(browser, server)).toBe(401);
    expect(await sessions.list()).toHaveLength(1);
  }
  clock.stepWall(24 * 3_600_000);
  await sessions.forgetOld(clock.now());
  expect(await keys()).toEqual([]);
  expect(await signIn(browser, server)).toBe('/');
  expect(await statusOf(browser, server)).toBe(200);
});
