// Which proxy, if any, leads to a server. Speaking to a proxy is Node's own business.
import { AppError } from '../core/errors.ts';

/** As in the environment variables http_proxy, https_proxy and no_proxy. */
export interface ProxySettings {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly except?: string | undefined;
}

/** The URL of the proxy that leads to the server at `origin`; undefined where none does.
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
  // Without the value, which may hold a password.
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new AppError(
      'config.invalid',
      `the proxy for ${origin} is not the address of one; set ${protocol.slice(0, -1)}_proxy to http://HOST:PORT`,
    );
  }
  return url;
}

/** Whether `.example.com` or `*.example.com` names a domain that the host is in. */
function isBelow(hostname: string, entry: string): boolean {
  const [, domain] = /^\*?\.(.+)$/.exec(entry) ?? [];
  return domain !== undefined && (hostname === domain || hostname.endsWith(`.${domain}`));
}

/** Whether a URL is one of this very host: no network and no proxy leads there. */
export function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}
