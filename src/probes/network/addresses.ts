// The IP addresses of this machine, each with its port.
import type { OwnAddress } from '../../model/network-setup.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import { ipv4Number, ipv6Text, scopeOf } from './ip-address.ts';
import { parseIpv4Routes, type Route } from './routes.ts';

const fibTrie = '/proc/net/fib_trie';
const ifInet6 = '/proc/net/if_inet6';

/** An address and its port, if that is known. */
interface Held {
  address: string;
  interface: string | null;
}

/** Source: /proc/net/fib_trie and if_inet6. The port of an IPv4 address follows from the routes to
 *  connected networks. If they are ambiguous (two ports in one network, several addresses on one port),
 *  `ip -o -4 address` decides. */
export const addressesProbe: Probe<'addresses'> = {
  name: 'addresses',
  read: (root, report) => readAddresses(new Reading(root, 'addresses', report), { exact: true }),
};

/** Returns IPv4 addresses first; undefined if neither kind can be read. Reads only files unless `exact`. */
export async function readAddresses(
  read: Reading,
  { exact }: { exact: boolean },
): Promise<OwnAddress[] | undefined> {
  const [trie, inet6] = await Promise.all([read.text(fibTrie), read.text(ifInet6)]);
  if (trie === undefined && inet6 === undefined) return undefined;
  const ipv4 = await readIpv4(read, trie ?? '', exact);
  const held = [...ipv4, ...parseIfInet6(inet6 ?? '')];
  if (held.length === 0 && read.refused(fibTrie, ifInet6)) return undefined;
  // The loopback interface has no MAC, and is always up.
  const names = new Set(held.map((one) => one.interface ?? 'lo'));
  names.delete('lo');
  const ports = new Map(
    await Promise.all([...names].map(async (name) => [name, await readPort(read, name)] as const)),
  );
  return held.map((one) => ({
    ...one,
    ...(ports.get(one.interface ?? '') ?? { mac: null, is_up: true }),
    scope: scopeOf(one.address),
  }));
}

async function readIpv4(read: Reading, trie: string, exact: boolean): Promise<Held[]> {
  const routes = parseIpv4Routes((await read.text('/proc/net/route')) ?? '');
  const held = parseFibTrie(trie).map((address) => ({ address, interface: port(address, routes) }));
  if (!exact || isCertain(held)) return held;
  const listed = parseIpAddress((await read.exec('ip', ['-o', '-4', 'address'])) ?? '');
  return listed.length > 0 ? listed : held;
}

/** The only port with a route to the address's network; null if there are several or none. */
function port(address: string, routes: readonly Route[]): string | null {
  if (scopeOf(address) === 'host') return 'lo';
  const connected = routes.filter(
    (route) => route.gateway === null && route.prefixLength > 0 && contains(route, address),
  );
  const longest = connected.reduce((length, route) => Math.max(length, route.prefixLength), 0);
  const ports = connected.filter((route) => route.prefixLength === longest);
  const [name, ...others] = new Set(ports.map((route) => route.interface));
  return others.length === 0 ? (name ?? null) : null;
}

function contains({ destination, prefixLength }: Route, address: string): boolean {
  return (ipv4Number(address) ^ ipv4Number(destination)) >>> (32 - prefixLength) === 0;
}

/** True if each port has one address, so that none is a second one, such as a cluster's. */
function isCertain(held: readonly Held[]): boolean {
  const names = held.map((one) => one.interface).filter((name) => name !== 'lo');
  return new Set(names).size === names.length && !names.includes(null);
}

/** The host's own IPv4 addresses; undefined if they cannot be read. */
export async function heldIpv4(read: Reading): Promise<readonly string[] | undefined> {
  const trie = await read.text(fibTrie);
  return trie === undefined ? undefined : parseFibTrie(trie);
}

/** The host's own IPv4 addresses. Source: /proc/net/fib_trie, which lists them once per table. */
export function parseFibTrie(text: string): string[] {
  const found = new Set<string>();
  let leaf: string | undefined;
  for (const line of text.split('\n')) {
    leaf = /\|-- ((?:\d{1,3}\.){3}\d{1,3})$/.exec(line)?.[1] ?? leaf;
    if (leaf !== undefined && /^\s+\/32 host LOCAL\b/.test(line)) found.add(leaf);
  }
  return [...found];
}

/** Parses the output of `ip -o -4 address` (iproute2 or busybox):
 *  "2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0". */
export function parseIpAddress(text: string): Held[] {
  const lines = text.matchAll(/^\d+:\s+([^\s@]+)\S*\s+inet ((?:\d{1,3}\.){3}\d{1,3})\b/gm);
  return [...lines].map(([, name = '', address = '']) => ({ address, interface: name }));
}

/** Flags in the fifth column. Temporary addresses are those of RFC 8981. */
const temporary = 0x01;
const failed = 0x08;
const deprecated = 0x20;
const tentative = 0x40;

/** The usable addresses; temporary and deprecated ones come last.
 *  Source: /proc/net/if_inet6, kernel net/ipv6/addrconf.c and uapi/linux/if_addr.h. */
export function parseIfInet6(text: string): Held[] {
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/));
  const usable = rows.flatMap(([digits, , , , bits, name]) => {
    const flags = Number.parseInt(bits ?? '', 16);
    if (name === undefined || !/^[0-9a-f]{32}$/i.test(digits ?? '')) return [];
    if ((flags & (failed | tentative)) !== 0) return [];
    const rank = (flags & deprecated) !== 0 ? 2 : (flags & temporary) !== 0 ? 1 : 0;
    return [{ address: ipv6Text(digits ?? ''), interface: name, rank }];
  });
  return usable
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ address, interface: name }) => ({ address, interface: name }));
}

/** Source: /sys/class/net/<name>/address and operstate, which is "unknown" if the driver never sets it. */
async function readPort(read: Reading, name: string): Promise<Pick<OwnAddress, 'mac' | 'is_up'>> {
  const [mac, state] = await Promise.all([
    read.value(`/sys/class/net/${name}/address`),
    read.value(`/sys/class/net/${name}/operstate`),
  ]);
  return {
    mac: mac?.toLowerCase() ?? null,
    is_up: state === undefined || state === 'up' || state === 'unknown',
  };
}
