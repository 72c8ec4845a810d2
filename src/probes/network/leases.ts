// DHCP leases of this host, from the files that common clients leave behind.
import type { Lease } from '../../model/network-setup.ts';
import type { Root } from '../../sources/root.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';

/** A host has few of these places, so one that cannot be read is not a problem. */
export const leasesProbe: Probe<'leases'> = { name: 'leases', read: (root) => readLeases(root) };

/** The DHCP option that carries the server's address: the first of the site-specific ones.
 *  Source: RFC 3942 section 5. */
export const urlOption = 224;

type Told = Omit<Lease, 'source'>;

/** A client's format of leases. `write` makes a file with this content and nothing else. */
interface Format {
  readonly parse: (text: string) => Told;
  readonly write: (told: Told) => string;
}

export interface LeasePlace extends Format {
  readonly path: string;
  readonly isDirectory: boolean;
}

const keyValue: Format = {
  parse: parseKeyValueLease,
  write: ({ url, domain }) =>
    (url === undefined ? '' : `opt${urlOption}=${hexOf(url).join('')}\n`) +
    (domain === undefined ? '' : `domain=${domain}\n`),
};
const dhclient: Format = {
  parse: parseDhclientLeases,
  write: ({ url, domain }) =>
    'lease {\n' +
    (url === undefined ? '' : `  option unknown-${urlOption} ${hexOf(url).join(':')};\n`) +
    (domain === undefined ? '' : `  option domain-name "${domain}";\n`) +
    '}\n',
};

/** In order of precedence. */
export const leasePlaces: readonly LeasePlace[] = [
  { path: '/run/dragonfly/lease', isDirectory: false, ...keyValue },
  { path: '/run/systemd/netif/leases', isDirectory: true, ...keyValue },
  { path: '/var/lib/NetworkManager', isDirectory: true, ...keyValue },
  { path: '/var/lib/dhcp', isDirectory: true, ...dhclient },
  { path: '/var/lib/dhclient', isDirectory: true, ...dhclient },
];

/** The place that a lease file belongs to; undefined for other files. */
export function leasePlaceOf(file: string): LeasePlace | undefined {
  return leasePlaces.find(({ path }) => file === path || file.startsWith(`${path}/`));
}

/** Reads every lease; undefined if no place can be read. */
export async function readLeases(root: Root): Promise<readonly Lease[] | undefined> {
  const read = new Reading(root, 'leases', () => {});
  const leases: Lease[] = [];
  for (const { path, isDirectory, parse } of leasePlaces) {
    const files = isDirectory ? await filesIn(read, path) : [path];
    for (const source of files) {
      const text = await read.text(source);
      if (text !== undefined) leases.push({ source, ...parse(text) });
    }
  }
  return leasePlaces.every(({ path }) => read.refused(path)) ? undefined : leases;
}

/** Lists only leases: clients keep other files beside them, some with secrets. */
async function filesIn(read: Reading, path: string): Promise<readonly string[]> {
  const names = (await read.list(path)) ?? [];
  return names.filter((name) => isLeaseFile(name)).map((name) => `${path}/${name}`);
}

/** systemd-networkd names a lease after the interface's index. */
function isLeaseFile(name: string): boolean {
  return /lease|^\d+$/.test(name);
}

/** `KEY=value` lines: those of busybox udhcpc's environment (`opt224=`, in hex) and those of
 *  systemd-networkd and NetworkManager (`OPTION_224=`, in hex).
 *  Source: busybox networking/udhcp/dhcpc.c, systemd sd-dhcp-lease.c. */
export function parseKeyValueLease(text: string): Told {
  const values = new Map<string, string>();
  for (const [, key = '', value = ''] of text.matchAll(/^(\w+)=(.*)$/gm)) {
    values.set(key.toLowerCase(), value.trim().replace(/^(['"])(.*)\1$/, '$2'));
  }
  return lease(
    values.get(`opt${urlOption}`) ?? values.get(`option_${urlOption}`),
    values.get('domain') ?? values.get('domainname'),
  );
}

/** ISC dhclient's leases; the last one in the file is the current one.
 *  Source: dhclient.leases(5). */
export function parseDhclientLeases(text: string): Told {
  const current = text.slice(Math.max(0, text.lastIndexOf('lease {')));
  const option = (name: string): string | undefined =>
    new RegExp(`^[ \\t]*option ${name} "?([^";\\n]*)"?;`, 'm').exec(current)?.[1];
  return lease(option(`(?:unknown-${urlOption}|dragonfly-url)`), option('domain-name'));
}

function lease(url: string | undefined, domain: string | undefined): Told {
  return {
    ...(url === undefined || url === '' ? {} : { url: decode(url) }),
    ...(domain !== undefined && /^[a-z0-9.-]{1,253}$/i.test(domain) ? { domain } : {}),
  };
}

/** Clients that do not know an option print its bytes in hex, with or without colons. */
function decode(value: string): string {
  const digits = value.replaceAll(':', '');
  return /^([0-9a-f]{2})+$/i.test(digits) ? Buffer.from(digits, 'hex').toString('utf8') : value;
}

function hexOf(text: string): string[] {
  return [...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, '0'));
}
