// Chooses the proxy for a server, if any. Node itself speaks to the proxy.
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
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
  const host = plain(hostname.replace(/\.$/, ''));
  if (entry === '*') return true;
  if (entry.includes('/')) return isInNetwork(host, entry);
  const [, name = entry, only] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  const usual = protocol === 'https:' ? '443' : '80';
  if (only !== undefined && only !== (port || usual)) return false;
  const domain = plain(name.toLowerCase())
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  if (isIP(host) !== 0) return host === domain;
  return domain !== '' && (host === domain || host.endsWith(`.${domain}`));
}

/** An IPv6 address, with or without brackets and a zone, in its one spelling, and as the IPv4 address that it stands for
 *  where it does (RFC 4291 section 2.5.5.2). Any other text is given back. */
function plain(host: string): string {
  const [address = ''] = host.replace(/^\[(.*)\]$/, '$1').split('%', 1);
  if (!isIPv6(address)) return address;
  const spelt = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(spelt) ?? [];
  if (high === undefined || low === undefined) return spelt;
  return [high, low]
    .map((part) => Number.parseInt(part, 16))
    .flatMap((part) => [part >> 8, part & 255])
    .join('.');
}

function isInNetwork(host: string, network: string): boolean {
  const [, written = '', digits = ''] = /^(.*)\/(\d{1,3})$/.exec(network) ?? [];
  const address = plain(written);
  const isMapped = isIPv4(address) && written.includes(':');
  const bits = Number(digits) - (isMapped ? mappedBits : 0);
  if (isIP(address) === 0 || isIP(host) !== isIP(address)) return false;
  if (bits < 0 || bits > (isIPv6(address) ? 128 : 32)) return false;
  const block = new BlockList();
  block.addSubnet(address, bits, isIPv6(address) ? 'ipv6' : 'ipv4');
  return block.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

/** The bits before an IPv4 address that stands in an IPv6 one. */
const mappedBits = 96;

/** True for a URL of this host, which needs neither network nor proxy. */
export function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|::1)$/.test(plain(new URL(url).hostname));
}
