// Uses several servers as one: the first that can be reached, and the preferred one again once it is back.
// All of them serve the same store, so a repeat may go to another one.
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { classifyFailure } from './failure.ts';
import type { Transport } from './transport.ts';

/** The wait before a preferred server that failed is tried again. */
const returnAfterMs = 60_000;

/** A transport over servers in order of preference. A single one is returned as it is. */
export function withFailover(
  servers: readonly { readonly url: string; readonly transport: Transport }[],
  clock: Clock,
  log: Log,
): Transport {
  const [first] = servers;
  if (first === undefined) throw new RangeError('no server');
  if (servers.length === 1) return first.transport;
  let current = 0;
  let leftAtMs = 0;

  const call = async <T>(send: (transport: Transport) => Promise<T>): Promise<T> => {
    if (current !== 0 && clock.elapsedMs() - leftAtMs >= returnAfterMs) {
      current = 0;
      log.info({ url: first.url }, 'trying the preferred server again');
    }
    let lastError: unknown;
    for (let tried = 0; tried < servers.length; tried++) {
      const { url, transport } = servers[current] ?? first;
      try {
        return await send(transport);
      } catch (err) {
        if (!isServerDown(err)) throw err;
        lastError = err;
        current = (current + 1) % servers.length;
        leftAtMs = clock.elapsedMs();
        log.warn({ url, next: servers[current]?.url }, 'server not reached, trying the next');
      }
    }
    throw lastError;
  };
  return {
    greet: (options) => call((t) => t.greet(options)),
    checkIn: (request, options) => call((t) => t.checkIn(request, options)),
    heartbeat: (request, options) => call((t) => t.heartbeat(request, options)),
    workflow: (id, options) => call((t) => t.workflow(id, options)),
    template: (name, machineId, options) => call((t) => t.template(name, machineId, options)),
    sendEvent: (id, event, options) => call((t) => t.sendEvent(id, event, options)),
    // A log is no reason to leave a server: it may have come to the end of its share, and waits without harm.
    sendLogs: (request, options) =>
      (servers[current] ?? first).transport.sendLogs(request, options),
    bootScript: (mac, options) => call((t) => t.bootScript(mac, options)),
    close: async () => {
      await Promise.all(servers.map((s) => s.transport.close()));
    },
  };
}

/** True if another server may do better. An overloaded one counts: its Retry-After is ignored, but only if
 *  there is another one to go to. */
function isServerDown(err: unknown): boolean {
  const { kind } = classifyFailure(err);
  return kind === 'network' || kind === 'busy';
}
