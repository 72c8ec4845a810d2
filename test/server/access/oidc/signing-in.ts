// A provider, servers that use it, and a browser that signs in.
import type { AppOptions } from '../../../../src/server/app.ts';
import { openStore } from '../../../../src/store/open.ts';
import { startServer, type TestServer } from '../../harness.ts';
import { Browser, startProvider } from './provider.ts';

export const sessionName = 'dragonfly_session';

export const pendingName = 'dragonfly_sign_in';

export const callback = /\/auth\/callback\?/;

interface Options extends Partial<AppOptions> {
  readonly isTerse?: boolean;
}

/** A provider, two servers of one store that use it, and a browser. */
export async function prepared({ isTerse = false, ...options }: Options = {}) {
  const provider = await startProvider({ isTerse });
  const store = await openStore('memory:');
  const oidc = provider.options();
  const server = await startServer({ ...options, store, oidc });
  const other = await startServer({ ...options, store, oidc });
  return { provider, server, other, browser: new Browser() };
}

/** Signs in up to where the browser is back at the server's page. */
export async function signIn(browser: Browser, { url }: TestServer, to = '/'): Promise<string> {
  const back = await browser.follow(`${url}/auth/sign-in?to=${encodeURIComponent(to)}`, callback);
  const answer = await browser.send(back);
  return answer.headers.get('location') ?? `${answer.status}: ${await answer.text()}`;
}

export const get = (browser: Browser, { url }: TestServer, path = '/api/whoami') =>
  browser.send(url + path, { headers: { 'sec-fetch-site': 'same-origin' } });

export const statusOf = async (browser: Browser, server: TestServer) =>
  (await get(browser, server)).status;
