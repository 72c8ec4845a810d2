// Chooses the proxy for a server, if any. Node itself speaks to the proxy.
import { AppError } from '../core/errors.ts';

/** The values of the environment variables http_proxy, https_proxy and no_proxy. */
export interface ProxySettings {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly except?: string | undefined;
}

/** Returns the URL of the proxy for the server at `origin`; undefined if there is none.
 *  Errors: AppError `config.invalid`. */
export function proxyFor(origin: string, proxy: ProxySettings | undefined): string | undefined {
  const { protocol, hostname, host } = new URL(origin);
  const url = protocol === 'https:' ? proxy?.https : proxy?.http;
  if (url === undefined || url === '' || isLoopback(origin)) return undefined;
  const isExcepted = (proxy?.except ?? '').split(/[\s,]+/).some((entry) => {
    const name = entry.toLowerCase();
    return name === '*' || name === hostname || name === host || isBelow(hostname, name);
  });
  if (isExcepted) return undefined;
  // The value is left out: it may hold a password.
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new AppError(
      'config.invalid',
      `the proxy set for ${origin} is not an address; set ${protocol.slice(0, -1)}_proxy to http://HOST:PORT`,
    );
  }
  return url;
}

/** True if `.example.com` or `*.example.com` names a domain of the host. */
function isBelow(hostname: string, entry: string): boolean {
  const [, domain] = /^\*?\.(.+)$/.exec(entry) ?? [];
  return domain !== undefined && (hostname === domain || hostname.endsWith(`.${domain}`));
}

/** True for a URL of this host, which needs neither network nor proxy. */
export function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}
