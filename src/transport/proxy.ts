// Chooses the proxy for a server, if any. Node itself speaks to the proxy.
import { BlockList, isIP, isIPv6 } from 'node:net';
import { AppError } from '../core/errors.ts';

/** The values of the environment variables http_proxy, https_proxy and no_proxy. */
export interface ProxySettings {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly except?: string | undefined;
}

/** As the environment has them. Upper-case http_proxy is left alone, as curl does: a web server makes it of a header. */
export function proxyFrom(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  return {
    http: env['http_proxy'],
    https: env['https_proxy'] ?? env['HTTPS_PROXY'],
    except: env['no_proxy'] ?? env['NO_PROXY'],
  };
}

/** Returns the URL of the proxy for the server at `origin`; undefined if there is none.
 *  Errors: AppError `config.invalid`. */
export function proxyFor(origin: string, proxy: ProxySettings | undefined): string | undefined {
  const { protocol } = new URL(origin);
  const url = protocol === 'https:' ? proxy?.https : proxy?.http;
  if (url === undefined || url === '' || isLoopback(origin)) return undefined;
  if ((proxy?.except ?? '').split(/[\s,]+/).some((entry) => excepts(entry, origin)))
    return undefined;
  // The value is left out: it may hold a password.
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new AppError(
      'config.invalid',
      `the proxy set for ${origin} is not an address; set ${protocol.slice(0, -1)}_proxy to http://HOST:PORT`,
    );
  }
  return url;
}

/** True if an entry of no_proxy means this server: `*`, a name with all names below it (with or without a dot or `*.`
 *  in front, or a dot at its end), an address, or a network such as 10.0.0.0/8, each but the last with a port or for all
 *  ports. */
function excepts(entry: string, origin: string): boolean {
  const { hostname, port, protocol } = new URL(origin);
  const host = withoutBrackets(hostname).replace(/\.$/, '');
  if (entry === '*') return true;
  if (entry.includes('/')) return isInNetwork(host, entry);
  const [, name = entry, only] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  const usual = protocol === 'https:' ? '443' : '80';
  if (only !== undefined && only !== (port || usual)) return false;
  const domain = withoutBrackets(name.toLowerCase())
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  if (isIP(host) !== 0) return host === domain || sameAddress(host, domain);
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** True for two spellings of one IPv6 address. */
function sameAddress(one: string, other: string): boolean {
  return isIPv6(one) && isIPv6(other) && isInNetwork(one, `${other}/128`);
}

function isInNetwork(host: string, network: string): boolean {
  const [, address = '', bits = ''] = /^\[?([^\]/]*)\]?\/(\d{1,3})$/.exec(network) ?? [];
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  if (isIP(address) === 0 || isIP(host) !== isIP(address)) return false;
  if (Number(bits) > (family === 'ipv6' ? 128 : 32)) return false;
  const block = new BlockList();
  block.addSubnet(address, Number(bits), family);
  return block.check(host, family);
}

/** True for a URL of this host, which needs neither network nor proxy. */
export function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}
