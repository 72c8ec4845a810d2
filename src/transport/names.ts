// Tells host names from addresses, and looks names up.
import { isIP } from 'node:net';

/** True for an IP address, which needs no lookup; IPv6 with or without brackets. */
export function isAddress(host: string): boolean {
  return isIP(bare(host)) !== 0;
}

/** A host in the form for lookups and certificates: IPv6 addresses without brackets. */
export function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

/** Looks up the addresses of a name through the system's resolver. Errors: those of getaddrinfo. */
export async function addressesOf(name: string): Promise<string[]> {
  // Loaded on demand, to save the memory of an idle agent.
  const { lookup } = await import('node:dns/promises');
  return (await lookup(name, { all: true })).map(({ address }) => address);
}
