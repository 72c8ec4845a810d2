// DHCP leases of this host, from the files that common clients leave behind.
import type { Lease } from '../../model/network-setup.ts';
import type { Root } from '../../sources/root.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import { heldIpv4 } from './addresses.ts';
import { dhclient, keyValue, packet, wicked, type Format, type Told } from './lease-formats.ts';

/** A host has few of these places, so one that cannot be read is not a problem. */
export const leasesProbe: Probe<'leases'> = { name: 'leases', read: (root) => readLeases(root) };

export interface LeasePlace extends Format {
  readonly path: string;
  /** In a directory, the names of its leases: clients keep other files beside them, some with secrets. */
  readonly names?: RegExp;
  readonly isBinary?: true;
}

/** In order of precedence. systemd-networkd names a lease after the interface's index. */
export const leasePlaces: readonly LeasePlace[] = [
  { path: '/run/dragonfly/lease', ...keyValue },
  { path: '/run/systemd/netif/leases', names: /lease|^\d+$/, ...keyValue },
  { path: '/var/lib/NetworkManager', names: /^dhclient.*lease/, ...dhclient },
  { path: '/var/lib/NetworkManager', names: /lease|^\d+$/, ...keyValue },
  { path: '/var/lib/dhcp', names: /lease|^\d+$/, ...dhclient },
  { path: '/var/lib/dhclient', names: /lease|^\d+$/, ...dhclient },
  { path: '/var/lib/dhcpcd', names: /\.lease$/, isBinary: true, ...packet },
  { path: '/var/lib/dhcpcd5', names: /\.lease$/, isBinary: true, ...packet },
  { path: '/run/wicked', names: /^lease-.*-ipv4\.xml$/, ...wicked },
  { path: '/var/lib/wicked', names: /^lease-.*-ipv4\.xml$/, ...wicked },
];

/** The place that a lease file belongs to; undefined for other files. */
export function leasePlaceOf(file: string): LeasePlace | undefined {
  return leasePlaces.find(({ path, names }) =>
    names === undefined
      ? file === path
      : file.startsWith(`${path}/`) && names.test(file.slice(path.length + 1)),
  );
}

/** Reads every lease, those that hold first; undefined if no place can be read. */
export async function readLeases(root: Root): Promise<readonly Lease[] | undefined> {
  const read = new Reading(root, 'leases', () => {});
  const found: (Told & { source: string })[] = [];
  for (const place of leasePlaces) {
    const files =
      place.names === undefined
        ? [place.path]
        : (await filesIn(read, place)).filter((file) => leasePlaceOf(file) === place);
    for (const source of files) {
      const text = await textOf(read, place, source);
      if (text !== undefined) found.push(...place.parse(text).map((one) => ({ source, ...one })));
    }
  }
  if (leasePlaces.every(({ path }) => read.refused(path))) return undefined;
  const held = found.length === 0 ? undefined : await heldIpv4(read);
  const leases = found.map(({ address, ...lease }): Lease => {
    const isOld = address !== undefined && held?.includes(address) === false;
    return isOld ? { ...lease, is_old: true } : lease;
  });
  return leases.toSorted((a, b) => Number(a.is_old ?? false) - Number(b.is_old ?? false));
}

async function textOf(
  read: Reading,
  { isBinary }: LeasePlace,
  source: string,
): Promise<string | undefined> {
  if (isBinary !== true) return read.text(source);
  const bytes = await read.bytes(source);
  return bytes && Buffer.from(bytes).toString('latin1');
}

async function filesIn(read: Reading, { path }: LeasePlace): Promise<readonly string[]> {
  const names = (await read.list(path)) ?? [];
  return names.map((name) => `${path}/${name}`);
}
