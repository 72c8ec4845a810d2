// Makes and keeps connections to a server: within their time, through a proxy, and verified before anything
// is sent. exchange.ts sends requests over them.
import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import type { PeerCertificate } from 'node:tls';
import { callbackify } from 'node:util';
import type { Clock } from '../core/clock.ts';
import { Patience } from '../core/deadline.ts';
import { AppError } from '../core/errors.ts';
import { withoutCredentials } from '../core/text/shown-url.ts';
import {
  exchange,
  openExchange,
  StaleConnection,
  type Answer,
  type ExchangeLimits,
  type OpenAnswer,
  type Question,
} from './exchange.ts';
import { bare } from './names.ts';
import type { PinnedTrust } from './pinned-trust.ts';
import { proxyFor, type ProxySettings } from './proxy.ts';

/** A step on the way to a server. */
type ConnectStep = 'dns' | 'tcp' | 'tls';

export interface ConnectionOptions extends ExchangeLimits {
  readonly clock: Clock;
  readonly proxy?: ProxySettings | undefined;
  /** The port of this host that leads to the server, for a link-local address. */
  readonly zone?: string | undefined;
  /** Trusts only servers that the pinned CA vouches for. */
  readonly trust?: PinnedTrust | undefined;
  /** CA certificates to trust instead of the system's, as PEM. */
  readonly ca?: string | undefined;
  /** The most requests in progress at a time. Default: 1. */
  readonly maxSockets?: number | undefined;
  /** Called for each step of each new connection. With a proxy, name and TCP connection are those of the
   *  proxy. */
  readonly onStep?: (step: ConnectStep) => void;
  /** From resolving the name to a usable connection. */
  readonly connectTimeoutMs?: number;
}

/** The connections to one server. */
export interface Connections {
  request(question: Question): Promise<Answer>;
  /** Like `request`, but returns as soon as the headers are there. The body may go on for ever, with at
   *  most `silenceMs` between its parts. */
  open(question: Question, silenceMs: number): Promise<OpenAnswer>;
  destroy(): void;
}

const keeping: AgentOptions = {
  keepAlive: true,
  // The interval of TCP keep-alive. Node's default of 1 s would make 10,000 idle agents send 10,000 probes a
  // second.
  keepAliveMsecs: 60_000,
  // The longest time idle. Node heeds a server's keep-alive hint only if it is shorter.
  timeout: 120_000,
  // Node's 250 ms per address of a name is too short for the links of a booting machine.
  autoSelectFamilyAttemptTimeout: 2_500,
};

/** Makes connections to the server at `origin` as requests need them.
 *  Errors: AppError `config.invalid`, `server.untrusted`. */
export async function openConnections(
  origin: string,
  options: ConnectionOptions,
): Promise<Connections> {
  if (options.trust !== undefined && !origin.startsWith('https:')) throw unproven(origin);
  const { agent, destroy } = await openAgent(origin, options);
  const { clock } = options;
  return {
    request: (question) =>
      overLiveConnection(question, () => exchange(agent, question, options, clock)),
    open: (question, silenceMs) => {
      const limits = { ...options, totalTimeoutMs: Infinity, bodyTimeoutMs: silenceMs };
      return overLiveConnection(question, () => openExchange(agent, question, limits, clock));
    },
    destroy,
  };
}

/** With a pinned CA a server that shows no certificate is none, however its address was found. */
function unproven(origin: string): AppError {
  return new AppError(
    'server.untrusted',
    `${origin} is not asked: a CA is pinned, and over http anybody could answer; use its https address`,
    { details: { url: origin, reason: 'http' } },
  );
}

/** The agent of Node's client for connections to the server at `origin`.
 *  Errors: AppError `config.invalid`. */
export async function openAgent(
  origin: string,
  options: ConnectionOptions,
): Promise<{ readonly agent: Agent; readonly destroy: () => void }> {
  const { clock, trust, ca, maxSockets = 1, zone } = options;
  const isSecure = origin.startsWith('https:');
  // Nobody else is on that link for sure.
  const proxy = zone === undefined ? proxyFor(origin, options.proxy) : undefined;
  const through =
    proxy === undefined ? {} : { proxyEnv: { http_proxy: proxy, https_proxy: proxy } };
  const kept: AgentOptions = { ...keeping, maxSockets, ...through };
  const agent = isSecure
    ? await secureAgent(
        { ...kept, ...(ca === undefined ? {} : { ca }) },
        { isPinned: trust !== undefined, host: zone === undefined ? undefined : hostOf(origin) },
      )
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
  const open = (args: ClientRequestArgs): Promise<Duplex> =>
    connect(way, zone === undefined ? args : { ...args, host: `${args.host ?? ''}%${zone}` });
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
    agent,
    destroy() {
      closing.abort(new Error('the connection was given up'));
      agent.destroy();
    },
  };
}

/** Asks once more if the server closed an idle connection at the worst moment. */
async function overLiveConnection<T>(question: Question, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (err) {
    if (!(err instanceof StaleConnection && question.isRepeatable)) throw err;
    return ask();
  }
}

/** Loaded only for a server with TLS, because it takes 4 MB. */
async function secureAgent(
  options: AgentOptions & { ca?: string },
  { isPinned, host }: { isPinned: boolean; host: string | undefined },
): Promise<Agent> {
  const [{ Agent: SecureAgent }, { checkServerIdentity }] = await Promise.all([
    import('node:https'),
    import('node:tls'),
  ]);
  // pinned-trust.ts verifies instead; a resumed session shows no certificates.
  const pinned = isPinned ? { rejectUnauthorized: false, maxCachedSessions: 0 } : {};
  // No certificate has the zone.
  const identity =
    host === undefined
      ? {}
      : {
          checkServerIdentity: (_: string, shown: PeerCertificate) =>
            checkServerIdentity(host, shown),
        };
  return new SecureAgent({ ...options, ...pinned, ...identity });
}

function hostOf(origin: string): string {
  return bare(new URL(origin).hostname);
}

interface Way {
  readonly create: Agent['createConnection'];
  readonly isSecure: boolean;
  /** Through a proxy, which sees only ciphertext. */
  readonly isTunnel: boolean;
  readonly onStep: (step: ConnectStep) => void;
  readonly limit: { readonly clock: Clock; readonly ms: number };
  /** Aborted when the connection is no longer wanted. */
  readonly signal: AbortSignal;
}

/** Resolves to a connection that is ready for requests. */
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
    // For a tunnel Node calls back when it is ready. Other connections emit an event, and some take the
    // callback as a listener of that event.
    const socket = isTunnel
      ? way.create(args, (err, tunnel) =>
          err === null ? settle(tunnel) : fail(withoutItsCredentials(err)),
        )
      : way.create(args);
    if (!socket) throw new TypeError('Node made no socket');
    patience.expect('connection', limit.ms);
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays, so that an error between two owners of the socket is not uncaught.
    socket.on('error', fail);
    socket.once('close', () => fail(new Error('the connection was closed while connecting')));
    socket.once('lookup', () => onStep('dns'));
    socket.once('connect', () => onStep('tcp'));
    if (isTunnel) return;
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => settle(socket));
  });
}

/** Some of the supported Nodes (22.21, 24.5, 25.0) name the proxy with its user and password. */
function withoutItsCredentials(err: Error): Error {
  err.message = withoutCredentials(err.message);
  if (err.stack !== undefined) err.stack = withoutCredentials(err.stack);
  return err;
}
