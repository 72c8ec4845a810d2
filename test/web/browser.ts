// A real Chromium and a real server for tests of the page.
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium, type Browser, type Page } from 'playwright-core';
import { systemClock } from '../../src/core/clock.ts';
import { createApp, type AppOptions } from '../../src/server/app.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

const chromiumPath = '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);

/** The same without its windows, which takes half the processor time. */
const shellPath = '/usr/bin/chromium-headless-shell';

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

/** The browser as operators have it. */
export function launch(
  executablePath = chromiumPath,
  ...more: readonly string[]
): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...flags, ...more] });
}

/** All tabs of a context have one process, which knows the page's code from the second one on. */
export function launchForTests(): Promise<Browser> {
  return launch(existsSync(shellPath) ? shellPath : chromiumPath, '--process-per-site');
}

/** For `addInitScript`: frames, and what waits for one, come half a second late, as in a browser that has
 *  no processor to draw with. */
export const lateFrames = `
  const later = setTimeout;
  requestAnimationFrame = () => 0;
  setTimeout = (work, ms = 0, ...rest) => later(work, ms <= 100 ? 500 : ms, ...rest);
`;

/** The screen in words, for the report of a test that failed. */
export async function describeScreen(page: Page): Promise<string> {
  const script = `[
    'focus: ' + (document.activeElement?.cloneNode().outerHTML ?? 'none'),
    ...[...document.querySelectorAll('input, select')].map((e) => 'field ' + e.name + ': ' + e.value),
    document.body.innerText.slice(0, 2000),
  ].join('\\n')`;
  const seen = await Promise.race([
    page.evaluate<string>(script).catch((err: unknown) => String(err)),
    pause(5000, 'the page does not answer', { ref: false }),
  ]);
  return `on the screen of ${page.url()}\n${seen}`;
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
