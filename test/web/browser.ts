// A real Chromium and a real server for tests of the page.
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser } from 'playwright-core';
import { systemClock } from '../../src/core/clock.ts';
import { createApp, type AppOptions } from '../../src/server/app.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

const chromiumPath = '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);

/** Nothing that would reach beyond this machine. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: flags });
}

export interface Served {
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  close(): Promise<void>;
}

/** A server with an empty store, or that of one before, on loopback. */
export async function serve(
  options: Partial<AppOptions> & { readonly port?: number } = {},
): Promise<Served> {
  const { port = 0, ...rest } = options;
  const store = rest.store ?? (await openStore('memory:'));
  const app = await createApp({ clock: systemClock, ...rest, store });
  await app.listen({ host: '127.0.0.1', port });
  // A server that listens on TCP has an address of this kind.
  const address = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    port: address.port,
    store,
    close: () => app.close(),
  };
}
