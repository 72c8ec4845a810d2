// Signing in with an OpenID provider as a browser does it.
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../../src/core/clock.ts';
import { describeError } from '../../../../src/core/errors.ts';
import { People } from '../../../../src/server/access/oidc/people.ts';
import { Provider } from '../../../../src/server/access/oidc/provider.ts';
import { parseRules } from '../../../../src/server/access/oidc/rules.ts';
import { Sessions } from '../../../../src/server/access/sessions.ts';
import { createToken } from '../../../../src/server/access/tokens.ts';
import type { AppOptions } from '../../../../src/server/app.ts';
import { openStore } from '../../../../src/store/open.ts';
import { startServer, type TestServer } from '../../harness.ts';
import { Browser, startProvider } from './provider.ts';

const sessionName = 'dragonfly_session';
const pendingName = 'dragonfly_sign_in';
const callback = /\/auth\/callback\?/;

interface Options extends Partial<AppOptions> {
  readonly isTerse?: boolean;
}

/** A provider, two servers of one store that use it, and a browser. */
async function prepared({ isTerse = false, ...options }: Options = {}) {
  const provider = await startProvider({ isTerse });
  const store = await openStore('memory:');
  const oidc = provider.options();
  const server = await startServer({ ...options, store, oidc });
  const other = await startServer({ ...options, store, oidc });
  return { provider, server, other, browser: new Browser() };
}

/** Signs in up to where the browser is back at the server's page. */
async function signIn(browser: Browser, { url }: TestServer, to = '/'): Promise<string> {
  const back = await browser.follow(`${url}/auth/sign-in?to=${encodeURIComponent(to)}`, callback);
  const answer = await browser.send(back);
  return answer.headers.get('location') ?? `${answer.status}: ${await answer.text()}`;
}

const get = (browser: Browser, { url }: TestServer, path = '/api/whoami') =>
  browser.send(url + path, { headers: { 'sec-fetch-site': 'same-origin' } });

const statusOf = async (browser: Browser, server: TestServer) =>
  (await get(browser, server)).status;

it('somebody signs in, is named in the audit log, and signs out', async () => {
  const { server, browser } = await prepared();
  expect((await server.call('GET', '/api/sign-in')).body).toEqual({
    provider: { name: 'Example', url: '/auth/sign-in' },
  });
  expect(await statusOf(browser, server)).toBe(401);
  expect(await signIn(browser, server, '/machines?q=tag:a')).toBe('/machines?q=tag:a');
  expect(browser.cookieOf(server.url, pendingName)).toBeUndefined();
  expect(await (await get(browser, server)).json()).toMatchObject({
    name: 'alice@example.com (oidc alice)',
    scope: 'full',
    session: true,
  });
  const own = { method: 'PUT', body: '{"value":"b"}' };
  const headers = { 'content-type': 'application/json', origin: server.url };
  expect((await browser.send(`${server.url}/api/settings/a`, { ...own, headers })).status).toBe(
    201,
  );
  const { entries } = Object(await (await get(browser, server, '/api/audit')).json());
  expect(entries).toMatchObject([
    { by: 'alice@example.com (oidc alice)', action: 'sessions.create', from: '127.0.0.1' },
    { by: 'alice@example.com (oidc alice)', action: 'settings.put' },
  ]);
  const cookie = browser.cookieOf(server.url, sessionName) ?? '';
  const out = await browser.send(`${server.url}/api/sign-out`, {
    method: 'POST',
    headers: { origin: server.url },
  });
  expect(out.status).toBe(204);
  expect(browser.cookieOf(server.url, sessionName)).toBeUndefined();
  browser.setCookie(server.url, sessionName, cookie);
  expect(await statusOf(browser, server)).toBe(401);
});

it('each server of a store goes on with a sign-in of another one, knows the session, and hears of its end', async () => {
  const { server, other, browser } = await prepared();
  const back = await browser.follow(`${server.url}/auth/sign-in?to=/workflows`, callback);
  // As behind one address for both servers.
  const { host, pathname, search } = new URL(back);
  const cookie = `${pendingName}=${browser.cookieOf(server.url, pendingName)}`;
  const url = pathname + search;
  const answer = await other.app.inject({ url, headers: { host, cookie } });
  expect(answer.headers.location).toBe('/workflows');
  const session = answer.cookies.find(({ name }) => name === sessionName)?.value ?? '';
  for (const one of [server, other]) {
    browser.setCookie(one.url, sessionName, session);
    expect(await statusOf(browser, one)).toBe(200);
  }
  const headers = { origin: other.url };
  await browser.send(`${other.url}/api/sign-out`, { method: 'POST', headers });
  expect(await statusOf(browser, server)).toBe(401);
});

it('the groups that the provider tells only who asks for them count as well', async () => {
  const { provider, server, browser } = await prepared({ isTerse: true });
  provider.who = 'bob';
  expect(await signIn(browser, server)).toBe('/');
  expect(await (await get(browser, server)).json()).toMatchObject({
    scope: 'operate',
    tags: ['rack-1'],
  });
});

it('whom no rule lets in, or who refuses at the provider, has no session and is told so', async () => {
  const { provider, server } = await prepared();
  for (const who of ['mallory', undefined]) {
    provider.who = who;
    const browser = new Browser();
    expect(await signIn(browser, server)).toBe('/?sign-in=denied');
    expect(browser.cookieOf(server.url, sessionName)).toBeUndefined();
  }
});

it('a sign-in is good once, in the browser that began it, and for its own code', async () => {
  const { server, browser } = await prepared();
  const back = await browser.follow(`${server.url}/auth/sign-in`, callback);
  const kept = browser.cookieOf(server.url, pendingName) ?? '';
  expect((await new Browser().send(back)).headers.get('location')).toBe('/?sign-in=late');
  const other = new Browser();
  const theirs = await other.follow(`${server.url}/auth/sign-in`, callback);
  const params = new URL(back).searchParams;
  const mixed = new URL(theirs);
  mixed.searchParams.set('code', params.get('code') ?? '');
  expect((await other.send(mixed.href)).headers.get('location')).toBe('/?sign-in=denied');
  const wrongState = new URL(back);
  wrongState.searchParams.set('state', 'x'.repeat(43));
  const stranger = new Browser();
  stranger.setCookie(server.url, pendingName, kept);
  expect((await stranger.send(wrongState.href)).headers.get('location')).toBe('/?sign-in=denied');
  expect((await browser.send(back)).headers.get('location')).toBe('/');
  const session = browser.cookieOf(server.url, sessionName);
  browser.setCookie(server.url, pendingName, kept);
  expect((await browser.send(back)).headers.get('location')).toBe('/?sign-in=denied');
  expect(browser.cookieOf(server.url, sessionName)).toBe(session);
});

it('an answer to another sign-in is refused by its nonce alone', async () => {
  const { provider, server, browser } = await prepared();
  const client = new Provider(provider.options(), systemClock);
  const there = `${server.url}/auth/callback`;
  const finish = async (nonce: string | undefined) => {
    const { url, pending } = await client.begin(there);
    const back = new URL(await browser.follow(url, callback));
    return client.finish(back, { ...pending, nonce: nonce ?? pending.nonce });
  };
  await expect(finish('of-another-sign-in')).rejects.toMatchObject({ code: 'auth.denied' });
  expect(await finish(undefined)).toMatchObject({ name: 'alice@example.com (oidc alice)' });
});

it('what is logged of a sign-in that failed says why, and holds nothing of the answer but that', async () => {
  const { provider, server, browser } = await prepared();
  const client = new Provider(provider.options(), systemClock);
  const failure = async (nonce: string): Promise<string> => {
    const { url, pending } = await client.begin(`${server.url}/auth/callback`);
    const back = new URL(await browser.follow(url, callback));
    return client.finish(back, { ...pending, nonce }).then(() => 'no error', describeError);
  };
  const wrong = await failure('of-another-sign-in');
  expect(wrong).toContain('"nonce"');
  expect(wrong).not.toContain('alice');
  provider.who = undefined;
  browser.cookies.clear();
  const refused = await failure('any');
  expect(refused).toContain('access_denied');
  expect(refused).not.toContain('state');
});

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

it('a sign-in that a lax provider answers twice begins no second session, not even after the first has ended', async () => {
  const { server } = await prepared();
  const sessions = new Sessions(server.store, new ManualClock(new Date()));
  const person = { name: 'alice', groups: ['admins'] };
  const cookie = await sessions.beginOnce('s', person, 1);
  await sessions.end(cookie);
  await expect(sessions.beginOnce('s', person, 1)).rejects.toMatchObject({ code: 'auth.denied' });
  expect(await sessions.find(cookie)).toBeUndefined();
});

it('a sign-in leads to this page alone', async () => {
  const { server } = await prepared();
  for (const to of [
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example',
    '/..//evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
    'machines',
  ]) {
    const led = await signIn(new Browser(), server, to);
    expect([to, new URL(led, server.url).origin]).toEqual([to, server.url]);
    expect(led).toMatch(/^\/(?!\/)/);
  }
});

it('a sign-in leads back to a long address, and past one that no cookie can hold', async () => {
  const { server } = await prepared();
  const search = (text: string): string => `/machines?q=${text}`;
  const long = search('a'.repeat(2000));
  expect(await signIn(new Browser(), server, long)).toBe(long);
  // Each character is nine when it is encoded.
  expect(await signIn(new Browser(), server, search('机'.repeat(500)))).toBe('/');
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
  const pending = { state: 's', nonce: 'n', verifier: 'v' };
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

it('a server without a provider knows no sign-in', async () => {
  const server = await startServer();
  expect((await server.call('GET', '/api/sign-in')).body).toEqual({ provider: null });
  expect((await server.call('GET', '/auth/sign-in')).status).toBe(404);
  expect((await server.call('POST', '/api/sign-out')).status).toBe(204);
});

it('a provider that is away is said to be so', async () => {
  const { provider, server, browser } = await prepared();
  await provider.stop();
  const back = new URL('/auth/callback?code=x&state=y', server.url);
  const { signIns } = new People(provider.options(), server.store, systemClock);
  const pending = { state: 'y', nonce: 'n', verifier: 'v'.repeat(43) };
  browser.setCookie(server.url, pendingName, await signIns.seal(pending, '/'));
  back.searchParams.set('iss', provider.issuer);
  expect((await browser.send(back.href)).headers.get('location')).toBe('/?sign-in=away');
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
