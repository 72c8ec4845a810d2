// What DHCP told this host, from the files that the common clients leave behind.
import type { Root } from '../../sources/root.ts';

export interface Lease {
  /** The file, for people. */
  readonly source: string;
  /** The server's address, from the site-specific option 224. */
  readonly url?: string;
  /** The DNS domain, option 15. */
  readonly domain?: string;
}

/** The DHCP option that carries the server's address: the first of the site-specific ones.
 *  Source: RFC 3942 section 5. */
export const urlOption = 224;

type Parse = (text: string) => Omit<Lease, 'source'>;

/** Lease files and directories of them, in the order in which they are asked. */
export const leaseSources: readonly { readonly path: string; readonly parse: Parse }[] = [
  { path: '/run/dragonfly/lease', parse: parseKeyValueLease },
  { path: '/run/systemd/netif/leases', parse: parseKeyValueLease },
  { path: '/var/lib/NetworkManager', parse: parseKeyValueLease },
  { path: '/var/lib/dhcp', parse: parseDhclientLeases },
  { path: '/var/lib/dhclient', parse: parseDhclientLeases },
];

/** Every lease found. A file that cannot be read is as good as absent: it is one of several places. */
export async function readLeases(root: Root): Promise<readonly Lease[]> {
  const leases: Lease[] = [];
  for (const { path, parse } of leaseSources) {
    for (const file of await filesAt(root, path)) {
      const text = await root.text(file).catch(() => undefined);
      if (text !== undefined) leases.push({ source: file, ...parse(text) });
    }
  }
  return leases;
}

async function filesAt(root: Root, path: string): Promise<readonly string[]> {
  const names = await root.list(path).catch(() => undefined);
  return names?.filter((n) => /lease|^\d+$/.test(n)).map((n) => `${path}/${n}`) ?? [path];
}

/** `KEY=value` lines: those of busybox udhcpc's environment (`opt224=`, in hex) and those of
 *  systemd-networkd and NetworkManager (`OPTION_224=`, in hex).
 *  Source: busybox networking/udhcp/dhcpc.c, systemd sd-dhcp-lease.c. */
export function parseKeyValueLease(text: string): Omit<Lease, 'source'> {
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
export function parseDhclientLeases(text: string): Omit<Lease, 'source'> {
  const current = text.slice(Math.max(0, text.lastIndexOf('lease {')));
  const option = (name: string): string | undefined =>
    new RegExp(`^\\s*option ${name} "?([^";\\n]*)"?;`, 'm').exec(current)?.[1];
  return lease(option(`(?:unknown-${urlOption}|dragonfly-url)`), option('domain-name'));
}

function lease(url: string | undefined, domain: string | undefined): Omit<Lease, 'source'> {
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
