// Opens connections to a server: deadlines, proxies, and the times at which each step was reached.
// undici is loaded here, when the first connection is wanted: it takes longer than a whole inventory.
import { EventEmitter } from 'node:events';
import type { buildConnector, Dispatcher } from 'undici';
import { AppError } from '../core/errors.ts';
import type { PinnedTrust } from './pinned-trust.ts';

/** A step on the way to a server. */
export type ConnectStep = 'dns' | 'tcp' | 'tls';

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

/** A dispatcher for requests to one server. */
export async function openConnections(options: ConnectionOptions): Promise<Dispatcher> {
  const undici = await import('undici');
  const shared = {
    headersTimeout: options.headersTimeoutMs ?? 30_000,
    bodyTimeout: options.bodyTimeoutMs ?? 15_000,
    maxHeaderSize: 16_384,
    connections: 1,
  };
  const tcp = {
    timeout: options.connectTimeoutMs ?? 10_000,
    allowH2: false,
    // Node's 250 ms for each address of a name is too short for the links of a booting machine.
    autoSelectFamilyAttemptTimeout: 2_500,
  };
  const { proxy, trust, onStep } = options;
  if (proxy?.http !== undefined || proxy?.https !== undefined) {
    if (trust !== undefined) {
      throw new AppError('config.invalid', 'a pinned CA cannot be used through a proxy; unset one');
    }
    return new undici.EnvHttpProxyAgent({
      ...shared,
      httpProxy: proxy.http ?? '',
      httpsProxy: proxy.https ?? '',
      noProxy: proxy.except ?? '',
      requestTls: tcp,
    });
  }
  const verify = trust === undefined ? {} : { rejectUnauthorized: false, maxCachedSessions: 0 };
  const open = watched(undici.buildConnector({ ...tcp, ...verify }), onStep ?? (() => {}));
  const pinned =
    trust === undefined ? open : (await import('./pinned-trust.ts')).pinnedConnector(open, trust);
  return new undici.Agent({
    ...shared,
    connect: (target, callback) => (target.protocol === 'https:' ? pinned : open)(target, callback),
  });
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
