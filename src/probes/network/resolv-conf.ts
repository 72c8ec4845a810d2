// The name servers and the DNS domain of this host.
import type { ResolverFacts } from '../../model/network-setup.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';

export const resolverProbe: Probe<'resolver'> = {
  name: 'resolver',
  read: (root, report) => readResolver(new Reading(root, 'resolver', report)),
};

/** Source: /etc/resolv.conf, where every DHCP client puts them. */
export async function readResolver(read: Reading): Promise<ResolverFacts | undefined> {
  const text = await read.text('/etc/resolv.conf');
  return text === undefined ? undefined : parseResolvConf(text);
}

/** The last `search` or `domain` line wins.
 *  Source: resolv.conf(5). */
export function parseResolvConf(text: string): ResolverFacts {
  const servers = [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S{1,64})/gm)];
  const domains = [...text.matchAll(/^[ \t]*(?:search|domain)[ \t]+([a-z0-9.-]{1,253})/gim)];
  return { nameservers: servers.map((m) => m[1] ?? ''), domain: domains.at(-1)?.[1] ?? null };
}
