// The end of a server that others still have connections to.
import { endConnections } from '../../../server/http/connections.ts';
import type { App } from '../../../server/services.ts';
import type { Boots } from './boots.ts';
import type { Waiting } from './waiting.ts';

/** The time that requests in progress may take once the server stops: containers are killed after 10 s. */
const drainMs = 8000;

/** Refuses new requests, lets those in progress finish, then closes the connections. */
export async function stop(
  app: App,
  { boots, waiting }: { readonly boots: Boots | undefined; readonly waiting: Waiting },
  ms = drainMs,
): Promise<void> {
  const cut = (): void => {
    endConnections(app.server);
    waiting.end();
    boots?.cut();
  };
  // More than once: until the last answer was cut, the server took new connections.
  const timer = setInterval(cut, ms);
  try {
    // First, since it waits for the answers of all: Node cuts those that it still sends when it closes a listener.
    await app.close();
  } finally {
    // Nothing is left there but what is no request yet.
    const closed = boots?.close();
    boots?.cut();
    await closed;
    clearInterval(timer);
  }
}
