// Host names and addresses: telling them apart, and looking names up.
import { isIP } from 'node:net';

/** True for an IP address, which needs no lookup; IPv6 with or without brackets. */
export function isAddress(host: string): boolean {
  return isIP(bare(host)) !== 0;
}

/** A host as it is looked up and as certificates name it: IPv6 addresses without brackets. */
export function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** The addresses of a name, as every program of this host gets them. Errors: those of getaddrinfo. */
export async function addressesOf(name: string): Promise<string[]> {
  // Loaded here: it takes memory that an agent at rest should not.
  const { lookup } = await import('node:dns/promises');
  return (await lookup(name, { all: true })).map(({ address }) => address);
}
