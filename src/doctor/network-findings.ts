// Whether the machine has a link, an address and a way out.
import type { Facts } from '../model/inventory.ts';
import type { Reading } from '../probes/reading.ts';
import { defaultRoute, parseIpv4Routes, parseIpv6Routes } from '../inventory/routes.ts';
import { wiredNics } from './device-findings.ts';
import { fail, pass, warn, type Finding } from './finding.ts';
import type { KernelLog } from './kernel-log.ts';

/** A switch port with spanning tree passes traffic 30 to 50 s after its link came up. */
const spanningTreeSeconds = 50;

export function linkFindings(facts: Partial<Facts>, log: KernelLog | undefined): Finding[] {
  const nics = wiredNics(facts);
  if (nics.length === 0) return [];
  const up = nics.filter((nic) => nic.carrier === true);
  if (up.length > 0) {
    return [pass('link', up.map((nic) => `${nic.name} is up${cameUp(nic.name, log)}`).join(', '))];
  }
  const text = nics.map(({ name, carrier }) =>
    carrier === false ? `${name} has no link` : `${name} is switched off`,
  );
  const isOff = nics.every((nic) => nic.carrier === null);
  const next = isOff
    ? `switch one on: ip link set ${nics[0]?.name ?? ''} up`
    : 'look at the cable and the switch port; for optics, whether both ends agree on speed and FEC';
  return [fail('link', text.join(', '), next)];
}

function cameUp(name: string, log: KernelLog | undefined): string {
  const link = log?.links.get(name);
  return link === undefined
    ? ''
    : ` (${(link.upSeconds - link.firstSeconds).toFixed(1)} s after its driver)`;
}

/** Source: /proc/net/fib_trie, /proc/net/if_inet6, /proc/uptime. */
export async function addressFindings(
  read: Reading,
  facts: Partial<Facts>,
  log: KernelLog | undefined,
): Promise<Finding[]> {
  const [trie, inet6] = [
    await read.text('/proc/net/fib_trie'),
    await read.text('/proc/net/if_inet6'),
  ];
  if (trie === undefined && inet6 === undefined) return [];
  const addresses = [...localIpv4(trie ?? ''), ...globalIpv6(inet6 ?? '')];
  const usable = addresses.filter((address) => !address.startsWith('169.254.'));
  if (usable.length > 0) return [pass('address', usable.join(', '))];
  const name = wiredNics(facts).find((nic) => nic.carrier === true)?.name;
  const link = name === undefined ? undefined : log?.links.get(name);
  const uptime = Number.parseFloat((await read.value('/proc/uptime')) ?? '');
  const age = link === undefined ? Number.NaN : uptime - link.upSeconds;
  const since = Number.isNaN(age)
    ? ''
    : `; the link of ${name} came up ${age.toFixed(0)} s ago${cameUp(name ?? '', log)}`;
  const next =
    age < spanningTreeSeconds
      ? `wait: a switch port with spanning tree passes traffic ${spanningTreeSeconds} s after its link; make it an edge port (portfast)`
      : 'look whether the DHCP server sees the request: VLAN of the port, relay, free leases';
  return [fail('address', `there is none but link-local ones${since}`, next)];
}

/** Source: /proc/net/route and ipv6_route. */
export async function routeFindings(read: Reading): Promise<Finding[]> {
  const [ipv4, ipv6] = [
    await read.text('/proc/net/route'),
    await read.text('/proc/net/ipv6_route'),
  ];
  if (ipv4 === undefined && ipv6 === undefined) return [];
  const route =
    defaultRoute(parseIpv4Routes(ipv4 ?? '')) ?? defaultRoute(parseIpv6Routes(ipv6 ?? ''));
  if (route === undefined) {
    return [
      warn(
        'route',
        'there is no default route: only servers in the same network can be reached',
        'let DHCP give a router (option 3), or: ip route add default via ADDRESS',
      ),
    ];
  }
  const { gateway } = route;
  const by = gateway === null ? '' : ` by ${gateway.includes('.') ? gateway : ipv6Text(gateway)}`;
  return [pass('route', `default over ${route.interface}${by}`)];
}

/** The host's own IPv4 addresses but those of the loopback interface. */
export function localIpv4(fibTrie: string): string[] {
  const found = [...fibTrie.matchAll(/\|-- ([\d.]+)\n\s+\/32 host LOCAL/g)].map(
    ([, ip = '']) => ip,
  );
  return [...new Set(found)].filter((ip) => !ip.startsWith('127.'));
}

/** Global IPv6 addresses (scope 00). */
export function globalIpv6(ifInet6: string): string[] {
  return ifInet6.split('\n').flatMap((line) => {
    const [address, , , scope] = line.trim().split(/\s+/);
    return address?.length === 32 && scope === '00' ? [ipv6Text(address)] : [];
  });
}

/** 32 hex digits in the usual short form. */
function ipv6Text(digits: string): string {
  return new URL(`http://[${digits.replaceAll(/(.{4})(?=.)/g, '$1:')}]`).hostname.slice(1, -1);
}
