// The kernel's routing tables, for one question: over which interface does traffic leave?

export interface Route {
  interface: string;
  /** "0.0.0.0" or the IPv6 address in 32 hex digits. */
  destination: string;
  prefixLength: number;
  gateway: string | null;
  metric: number;
}

/** Flag of a route that is up, and of one that refuses traffic. */
const up = 0x1;
const reject = 0x200;

/** Source: /proc/net/route (addresses are hex in the byte order of a little-endian host). */
export function parseIpv4Routes(text: string): Route[] {
  const routes: Route[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [name, destination, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
    if (name === undefined || destination === undefined || gateway === undefined) continue;
    if ((parseInt(flags ?? '', 16) & (up | reject)) !== up) continue;
    routes.push({
      interface: name,
      destination: ipv4(destination),
      prefixLength: bitCount(parseInt(mask ?? '', 16)),
      gateway: /^0+$/.test(gateway) ? null : ipv4(gateway),
      metric: Number(metric),
    });
  }
  return routes;
}

/** Source: /proc/net/ipv6_route. Routes of the loopback interface are left out. */
export function parseIpv6Routes(text: string): Route[] {
  const routes: Route[] = [];
  for (const line of text.split('\n')) {
    const [destination, prefix, , , gateway, metric, , , flags, name] = line.trim().split(/\s+/);
    if (name === undefined || name === 'lo' || destination === undefined) continue;
    if ((parseInt(flags ?? '', 16) & (up | reject)) !== up) continue;
    routes.push({
      interface: name,
      destination,
      prefixLength: parseInt(prefix ?? '', 16),
      gateway: gateway === undefined || /^0+$/.test(gateway) ? null : gateway,
      metric: parseInt(metric ?? '', 16),
    });
  }
  return routes;
}

/** The default route that is used: the one with the lowest metric, IPv4 before IPv6. */
export function defaultRoute(routes: readonly Route[]): Route | undefined {
  const defaults = routes.filter((r) => r.prefixLength === 0);
  return defaults.toSorted((a, b) => a.metric - b.metric)[0];
}

function ipv4(hex: string): string {
  return [6, 4, 2, 0].map((i) => parseInt(hex.slice(i, i + 2), 16)).join('.');
}

function bitCount(mask: number): number {
  let count = 0;
  for (let rest = mask >>> 0; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}
