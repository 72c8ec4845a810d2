// Two real providers, of which the server trusts one: what the other says, or is made to say, lets nobody in.
import { expect, it } from 'vitest';
import { startServer } from '../../harness.ts';
import { Browser, startProvider } from './provider.ts';
import {
  callback,
  get,
  pendingName,
  prepared,
  sessionName,
  signIn,
  statusOf,
} from './signing-in.ts';

const byOwn = (a: { own: boolean }, b: { own: boolean }): number => Number(a.own) - Number(b.own);

it('an answer of another provider is refused, whoever it says that it is', async () => {
  const { provider, server } = await prepared();
  const other = await startProvider();
  for (const claimed of [other.issuer, provider.issuer, undefined]) {
    const browser = new Browser();
    // Up to the first redirect, which leads to the provider.
    const there = await browser.follow(`${server.url}/auth/sign-in`, /\/auth\?/);
    const elsewhere = there.replace(provider.issuer, other.issuer);
    const back = new URL(await browser.follow(elsewhere, callback));
    if (claimed === undefined) back.searchParams.delete('iss');
    else back.searchParams.set('iss', claimed);
    const answer = await browser.send(back.href);
    expect([claimed, answer.headers.get('location')]).toEqual([claimed, '/?sign-in=denied']);
    expect(browser.cookieOf(server.url, sessionName)).toBeUndefined();
  }
});

it('a server with another provider takes neither a session nor a sign-in that began with the first', async () => {
  const { provider, server, browser } = await prepared();
  const next = await startProvider();
  const later = await startServer({ store: server.store, oidc: next.options() });
  const back = new URL(await browser.follow(`${server.url}/auth/sign-in`, callback));
  const began = new Browser();
  began.setCookie(later.url, pendingName, browser.cookieOf(server.url, pendingName) ?? '');
  for (const iss of [provider.issuer, next.issuer]) {
    const there = new URL(back.pathname + back.search, later.url);
    there.searchParams.set('iss', iss);
    expect((await began.send(there.href)).headers.get('location')).toMatch(
      /sign-in=(?:denied|late)/,
    );
  }
  expect(await signIn(browser, server)).toBe('/');
  browser.setCookie(later.url, sessionName, browser.cookieOf(server.url, sessionName) ?? '');
  expect([await statusOf(browser, server), await statusOf(browser, later)]).toEqual([200, 401]);

  // Somebody of the same name at the other provider, who neither sees nor ends what is not theirs.
  const namesake = new Browser();
  expect(await signIn(namesake, later)).toBe('/');
  const listed = await (await get(namesake, later, '/api/sessions')).text();
  expect(JSON.parse(listed).sessions.toSorted(byOwn)).toMatchObject([
    { name: 'alice@example.com (oidc alice)', own: false },
    { name: 'alice@example.com (oidc alice)', own: true },
  ]);
});

it('a provider is the same with and without the slash behind its host', async () => {
  const { provider, server, browser } = await prepared();
  const issuer = new URL(provider.issuer).href;
  expect(issuer).not.toBe(provider.issuer);
  const later = await startServer({ store: server.store, oidc: { ...provider.options(), issuer } });
  for (const [from, to] of [
    [server, later],
    [later, server],
  ] as const) {
    expect(await signIn(browser, from)).toBe('/');
    browser.setCookie(to.url, sessionName, browser.cookieOf(from.url, sessionName) ?? '');
    expect(await statusOf(browser, to)).toBe(200);
  }
});
