// Opens connections to a server: deadlines, proxies, and the times at which each step was reached.
// undici is loaded here, when the first connection is wanted: it takes longer than a whole inventory.
import { EventEmitter } from 'node:events';
import type { buildConnector, Client, Dispatcher } from 'undici';
import { AppError } from '../core/errors.ts';
import type { PinnedTrust } from './pinned-trust.ts';

/** A step on the way to a server. */
type ConnectStep = 'dns' | 'tcp' | 'tls';

export interface ConnectionOptions {
  readonly proxy?: ProxySettings | undefined;
  /** Only servers that a pinned CA vouches for. */
  readonly trust?: PinnedTrust | undefined;
  /** Told when a step is reached, each time a connection is made. */
  readonly onStep?: (step: ConnectStep) => void;
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly bodyTimeoutMs?: number;
}

/** As in the environment variables http_proxy, https_proxy and no_proxy. */
export interface ProxySettings {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly except?: string | undefined;
}

const steps = { lookup: 'dns', connect: 'tcp', secureConnect: 'tls' } as const;

/** What requests to one server go through. */
export interface Connections {
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  destroy(): Promise<void>;
}

/** Connections to the server at `origin`, made when a request needs one. */
export async function openConnections(
  origin: string,
  options: ConnectionOptions,
): Promise<Connections> {
  const { proxy, trust } = options;
  const limits = {
    headersTimeout: options.headersTimeoutMs ?? 30_000,
    bodyTimeout: options.bodyTimeoutMs ?? 15_000,
    maxHeaderSize: 16_384,
  };
  const tcp = {
    timeout: options.connectTimeoutMs ?? 10_000,
    allowH2: false,
    // Node's 250 ms for each address of a name is too short for the links of a booting machine.
    autoSelectFamilyAttemptTimeout: 2_500,
  };
  const hasProxy = proxy?.http !== undefined || proxy?.https !== undefined;
  if (!hasProxy || isLoopback(origin)) {
    return openDirect(origin, limits, tcp, options);
  }
  if (trust !== undefined) {
    throw new AppError('config.invalid', 'a pinned CA cannot be used through a proxy; unset one');
  }
  const { EnvHttpProxyAgent } = await import('undici');
  return new EnvHttpProxyAgent({
    ...limits,
    httpProxy: proxy.http ?? '',
    httpsProxy: proxy.https ?? '',
    noProxy: proxy.except ?? '',
    requestTls: tcp,
  });
}

/** Whether a URL is one of this very host: no network and no proxy leads there. */
export function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}

/** With three files of undici: the whole of it, with fetch and mocks, costs an agent at rest a fifth
 *  more memory. */
async function openDirect(
  origin: string,
  limits: Client.Options,
  tcp: buildConnector.BuildOptions,
  { trust, onStep }: ConnectionOptions,
): Promise<Connections> {
  const [{ default: UndiciClient }, { default: connector }, { default: request }] =
    await Promise.all([
      import('undici/lib/dispatcher/client.js'),
      import('undici/lib/core/connect.js'),
      import('undici/lib/api/api-request.js'),
    ]);
  const verify = trust === undefined ? {} : { rejectUnauthorized: false, maxCachedSessions: 0 };
  const open = watched(connector({ ...tcp, ...verify }), onStep ?? (() => {}));
  const isPinned = trust !== undefined && origin.startsWith('https:');
  const connect = isPinned
    ? (await import('./pinned-trust.ts')).pinnedConnector(open, trust)
    : open;
  const client = new UndiciClient(origin, { ...limits, connect });
  return {
    request: (options) => request.call(client, options),
    destroy: () => client.destroy(),
  };
}

/** A connector that tells of each step that its sockets reach. */
function watched(
  connect: buildConnector.connector,
  onStep: (step: ConnectStep) => void,
): buildConnector.connector {
  return (options, callback) => {
    // undici's connector returns its socket, which its types leave out.
    const socket: unknown = connect(options, callback);
    if (!(socket instanceof EventEmitter)) return;
    for (const [event, step] of Object.entries(steps)) socket.once(event, () => onStep(step));
  };
}
