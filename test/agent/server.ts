// A real server on a free port, with a store in memory, for tests of the agent.
import type { AddressInfo, Server } from 'node:net';
import { systemClock } from '../../src/core/clock.ts';
import { createApp, type AppOptions } from '../../src/server/app.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly store: Store;
  /** Node's own server below, for what a test does to its connections and answers. */
  readonly server: Server;
  readonly close: () => Promise<void>;
}

/** Starts it. `close` releases the store too, unless it was given. */
export async function startServer(
  options: Partial<AppOptions> = {},
  { host = '127.0.0.1', port: wantedPort = 0 } = {},
): Promise<TestServer> {
  const store = options.store ?? (await openStore('memory:'));
  const app = await createApp({ clock: systemClock, ...options, store });
  await app.listen({ port: wantedPort, host });
  // A server that listens on TCP has a port.
  const { port } = app.server.address() as AddressInfo;
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    store,
    server: app.server,
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
      if (options.store === undefined) await store.close();
    },
  };
}
