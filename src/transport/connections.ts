// Makes and keeps the connection to a server: within its time, over a proxy, verified before anything is
// said. What is said over it is the business of exchange.ts.
import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import { callbackify } from 'node:util';
import type { Clock } from '../core/clock.ts';
import { Patience } from '../core/deadline.ts';
import {
  exchange,
  openExchange,
  StaleConnection,
  type Answer,
  type ExchangeLimits,
  type OpenAnswer,
  type Question,
} from './exchange.ts';
import type { PinnedTrust } from './pinned-trust.ts';
import { proxyFor, type ProxySettings } from './proxy.ts';

/** A step on the way to a server. */
type ConnectStep = 'dns' | 'tcp' | 'tls';

export interface ConnectionOptions extends ExchangeLimits {
  readonly clock: Clock;
  readonly proxy?: ProxySettings | undefined;
  /** Only servers that a pinned CA vouches for. */
  readonly trust?: PinnedTrust | undefined;
  /** Certificates of CAs to trust in place of the system's, as PEM. */
  readonly ca?: string | undefined;
  /** How many requests may be under way at the same time; 1 where it is absent. */
  readonly maxSockets?: number | undefined;
  /** Told when a step is reached, each time a connection is made. With a proxy on the way, name and TCP
   *  connection are the proxy's. */
  readonly onStep?: (step: ConnectStep) => void;
  /** From the name to a connection that can be used. */
  readonly connectTimeoutMs?: number;
}

/** What requests to one server go through. */
export interface Connections {
  request(question: Question): Promise<Answer>;
  /** As `request`, but returns as soon as the headers are there, and the body may go on for ever; from
   *  one part of it to the next within `silenceMs`. */
  open(question: Question, silenceMs: number): Promise<OpenAnswer>;
  destroy(): void;
}

const keeping: AgentOptions = {
  keepAlive: true,
  // Between TCP's probes. With Node's second, ten thousand idle agents send ten thousand packets in each.
  keepAliveMsecs: 60_000,
  // Of idleness. Only below this does Node heed how long the server says that it keeps a connection.
  timeout: 120_000,
  // Node's 250 ms for each address of a name is too short for the links of a booting machine.
  autoSelectFamilyAttemptTimeout: 2_500,
};

/** Connections to the server at `origin`, made when a request needs one.
 *  Errors: AppError `config.invalid`. */
export async function openConnections(
  origin: string,
  options: ConnectionOptions,
): Promise<Connections> {
  const { clock, trust, ca, maxSockets = 1 } = options;
  const isSecure = origin.startsWith('https:');
  const proxy = proxyFor(origin, options.proxy);
  const through =
    proxy === undefined ? {} : { proxyEnv: { http_proxy: proxy, https_proxy: proxy } };
  const kept: AgentOptions = { ...keeping, maxSockets, ...through };
  const agent = isSecure
    ? await secureAgent({ ...kept, ...(ca === undefined ? {} : { ca }) }, trust !== undefined)
    : new Agent(kept);
  const closing = new AbortController();
  const way: Way = {
    create: agent.createConnection.bind(agent),
    isSecure,
    isTunnel: isSecure && proxy !== undefined,
    onStep: options.onStep ?? (() => {}),
    limit: { clock, ms: options.connectTimeoutMs ?? 10_000 },
    signal: closing.signal,
  };
  const open = (args: ClientRequestArgs): Promise<Duplex> => connect(way, args);
  const openTrusted =
    trust === undefined || !isSecure
      ? open
      : (await import('./pinned-trust.ts')).trustedConnector(open, trust, clock);
  const openFor = callbackify(openTrusted);
  agent.createConnection = (args, callback = () => {}) => {
    openFor(args, callback);
    return undefined;
  };
  return {
    request: (question) =>
      overLiveConnection(question, () => exchange(agent, question, options, clock)),
    open: (question, silenceMs) => {
      const limits = { ...options, totalTimeoutMs: Infinity, bodyTimeoutMs: silenceMs };
      return overLiveConnection(question, () => openExchange(agent, question, limits, clock));
    },
    destroy() {
      closing.abort(new Error('the connection was given up'));
      agent.destroy();
    },
  };
}

/** A server closes idle connections when it likes, in the worst moment too: asks once more then. */
async function overLiveConnection<T>(question: Question, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (err) {
    if (!(err instanceof StaleConnection && question.isRepeatable)) throw err;
    return ask();
  }
}

/** Loaded for a server with TLS alone: it takes 4 MB. */
async function secureAgent(
  options: AgentOptions & { ca?: string },
  isPinned: boolean,
): Promise<Agent> {
  const { Agent: SecureAgent } = await import('node:https');
  // Verified by pinned-trust.ts then; a session that is resumed shows no certificates.
  const pinned = isPinned ? { rejectUnauthorized: false, maxCachedSessions: 0 } : {};
  return new SecureAgent({ ...options, ...pinned });
}

interface Way {
  readonly create: Agent['createConnection'];
  readonly isSecure: boolean;
  /** Through a proxy that does not see what is said. */
  readonly isTunnel: boolean;
  readonly onStep: (step: ConnectStep) => void;
  readonly limit: { readonly clock: Clock; readonly ms: number };
  /** Aborted when no connection is wanted any more. */
  readonly signal: AbortSignal;
}

/** Resolves to a connection over which requests can be sent. */
function connect(way: Way, args: ClientRequestArgs): Promise<Duplex> {
  const { isSecure, isTunnel, onStep, limit, signal } = way;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const patience = new Patience(limit.clock, (err) => fail(err));
    const onAbort = (): void => fail(signal.reason);
    const fail = (reason: unknown): void => {
      end();
      socket?.destroy();
      reject(reason);
    };
    const settle = (ready: Duplex): void => {
      end();
      if (isSecure) onStep('tls');
      resolve(ready);
    };
    const end = (): void => {
      patience.end();
      signal.removeEventListener('abort', onAbort);
    };
    // Node calls back for a tunnel when it is ready; other connections tell by an event, and to some of
    // them a callback is that event's listener.
    const socket = isTunnel
      ? way.create(args, (err, tunnel) => (err === null ? settle(tunnel) : fail(err)))
      : way.create(args);
    if (!socket) throw new TypeError('Node made no socket');
    patience.expect('connection', limit.ms);
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays, so that an error between two owners of the socket is nobody's uncaught one.
    socket.on('error', fail);
    socket.once('close', () => fail(new Error('the connection was closed while it was made')));
    socket.once('lookup', () => onStep('dns'));
    socket.once('connect', () => onStep('tcp'));
    if (isTunnel) return;
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => settle(socket));
  });
}
