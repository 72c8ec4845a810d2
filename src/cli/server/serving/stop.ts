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
  const closed = [Promise.resolve(boots?.close()), app.close()];
  // Where one fails, the other still ends in its time.
  await Promise.allSettled(closed);
  clearTimeout(timer);
  await Promise.all(closed);
}
