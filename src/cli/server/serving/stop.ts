// The end of a server that others still have connections to.
import type { App } from '../../../server/services.ts';
import type { Boots } from './boots.ts';

/** The time that requests in progress may take once the server stops. */
const drainMs = 10_000;

/** Refuses new requests, lets those in progress finish, then closes the connections. */
export async function stop(app: App, boots: Boots | undefined): Promise<void> {
  const timer = setTimeout(() => {
    app.server.closeAllConnections();
    boots?.cut();
  }, drainMs);
  try {
    // First, since it waits for the answers of both: Node cuts those that it still sends when it closes a listener.
    await app.close();
  } finally {
    await boots?.close();
    clearTimeout(timer);
  }
}
