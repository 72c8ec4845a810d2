// Signing in with an OpenID provider as a browser does it.
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../../src/core/clock.ts';
import { describeError } from '../../../../src/core/errors.ts';
import { People } from '../../../../src/server/access/oidc/people.ts';
import { Provider } from '../../../../src/server/access/oidc/provider.ts';
import { Sessions } from '../../../../src/server/access/sessions.ts';
import { startServer } from '../../harness.ts';
import { Browser } from './provider.ts';
import {
  callback,
  get,
  pendingName,
  prepared,
  sessionName,
  signIn,
  statusOf,
} from './signing-in.ts';

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
  const { provider: known, signIns } = new People(provider.options(), server.store, systemClock);
  const pending = { issuer: known.issuer, state: 'y', nonce: 'n', verifier: 'v'.repeat(43) };
  browser.setCookie(server.url, pendingName, await signIns.seal(pending, '/'));
  back.searchParams.set('iss', provider.issuer);
  expect((await browser.send(back.href)).headers.get('location')).toBe('/?sign-in=away');
});
