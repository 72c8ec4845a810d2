// The kernel's routing tables and their default route.
import type { RouteFacts } from '../../model/network-setup.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import { ipv4Text, ipv6Text } from './ip-address.ts';

export interface Route {
  interface: string;
  /** In text form, like the gateway. */
  destination: string;
  prefixLength: number;
  gateway: string | null;
  metric: number;
}

const files = ['/proc/net/route', '/proc/net/ipv6_route'];

/** Source: /proc/net/route and ipv6_route. A default route of IPv4 is preferred to one of IPv6. */
export const routesProbe: Probe<'routes'> = {
  name: 'routes',
  async read(root, report): Promise<RouteFacts | undefined> {
    const read = new Reading(root, 'routes', report);
    const [ipv4, ipv6] = await Promise.all(files.map((path) => read.text(path)));
    if (ipv4 === undefined && ipv6 === undefined) return undefined;
    const route =
      defaultRoute(parseIpv4Routes(ipv4 ?? '')) ?? defaultRoute(parseIpv6Routes(ipv6 ?? ''));
    if (route !== undefined) {
      return { default: { interface: route.interface, gateway: route.gateway } };
    }
    return read.refused(...files) ? undefined : { default: null };
  },
};

/** Flags of a route that is up, and of one that rejects traffic. */
const up = 0x1;
const reject = 0x200;

/** Source: /proc/net/route. */
export function parseIpv4Routes(text: string): Route[] {
  const rows = text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  const { number } = routeHex(text);
  return rows.flatMap(([name, destination, gateway, flags, , , metric, mask]) => {
    if (name === undefined || destination === undefined || gateway === undefined) return [];
    if ((Number.parseInt(flags ?? '', 16) & (up | reject)) !== up) return [];
    return [
      {
        interface: name,
        destination: ipv4Text(number(destination)),
        prefixLength: bitCount(Number.parseInt(mask ?? '', 16)),
        gateway: /^0+$/.test(gateway) ? null : ipv4Text(number(gateway)),
        metric: Number(metric),
      },
    ];
  });
}

/** Source: /proc/net/ipv6_route, without the routes of the loopback interface. */
export function parseIpv6Routes(text: string): Route[] {
  return text.split('\n').flatMap((line) => {
    const [destination, prefix, , , gateway, metric, , , flags, name] = line.trim().split(/\s+/);
    if (name === undefined || name === 'lo') return [];
    if (!isIpv6Hex(destination) || !isIpv6Hex(gateway)) return [];
    if ((Number.parseInt(flags ?? '', 16) & (up | reject)) !== up) return [];
    return [
      {
        interface: name,
        destination: ipv6Text(destination),
        prefixLength: Number.parseInt(prefix ?? '', 16),
        gateway: /^0+$/.test(gateway) ? null : ipv6Text(gateway),
        metric: Number.parseInt(metric ?? '', 16),
      },
    ];
  });
}

/** The default route in use: the one with the lowest metric. */
export function defaultRoute(routes: readonly Route[]): Route | undefined {
  const defaults = routes.filter((r) => r.prefixLength === 0);
  return defaults.toSorted((a, b) => a.metric - b.metric)[0];
}

function isIpv6Hex(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{32}$/i.test(text);
}

/** Tells how a /proc/net/route writes addresses: as hex in the host's byte order, which netmasks reveal.
 *  None begins with a whole byte of ones where it is little-endian, unless all its bits are ones. */
export function routeHex(text: string): {
  number: (hex: string) => number;
  hex: (number: number) => string;
} {
  const isBigEndian = /^(?:\S+[ \t]+){7}FF(?!F{6}\b)[\dA-F]{6}\b/im.test(text);
  const ordered = (number: number): number => (isBigEndian ? number : swapBytes(number));
  return {
    number: (hex) => ordered(Number.parseInt(hex, 16) >>> 0),
    hex: (number) => ordered(number).toString(16).toUpperCase().padStart(8, '0'),
  };
}

function swapBytes(number: number): number {
  const [a, b, c, d] = [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff);
  return (((d ?? 0) << 24) | ((c ?? 0) << 16) | ((b ?? 0) << 8) | (a ?? 0)) >>> 0;
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask >>> 0; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}
