// The agent's settings from all their places: flags, the environment, the kernel command line and, for
// the server's address alone, the DHCP lease and DNS.
import { AppError } from '../../core/errors.ts';
import { environmentLayer, flagLayer, kernelLayer } from '../../core/setting-layers.ts';
import { parseSetting, readSettings, type Layer, type Settings } from '../../core/settings.ts';
import { bootifMac, parseKernelCommandLine } from '../../inventory/kernel-command-line.ts';
import type { Root } from '../../sources/root.ts';
import { leaseSources, readLeases, urlOption, type Lease } from './lease.ts';
import { agentSettings } from './settings.ts';

export interface Configuration extends Settings<typeof agentSettings> {
  /** Where the server's address was looked for, in that order, and what was found there. */
  readonly looked: readonly string[];
}

/** A target of a DNS SRV record. */
export interface SrvTarget {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export interface ConfigSources {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly root: Root;
  /** The SRV records of a name; empty or an error where there are none. */
  readonly resolveSrv: (name: string) => Promise<readonly SrvTarget[]>;
}

/** Finds every setting. Errors: AppError `config.invalid` with the place of the fault. */
export async function readConfiguration(sources: ConfigSources): Promise<Configuration> {
  const commandLine = await sources.root.text('/proc/cmdline').catch(() => undefined);
  const parameters = parseKernelCommandLine(commandLine ?? '');
  const layers = [
    flagLayer(sources.flags),
    environmentLayer(sources.environment),
    kernelLayer(parameters),
    bootifLayer(parameters),
  ];
  const settings = readSettings(agentSettings, layers);
  const looked = layers.flatMap((layer) => layer.read('url', agentSettings.url)?.at ?? []);
  if (settings.values.url !== undefined) return { ...settings, looked };
  const found = await discoverUrl(sources, settings.values.ca_sha256 !== undefined, looked);
  if (found === undefined) return { ...settings, looked };
  return {
    values: {
      ...settings.values,
      url: String(parseSetting(agentSettings.url, found.url, found.at)),
    },
    sources: { ...settings.sources, url: found.at },
    looked,
  };
}

/** The addresses of the servers. Errors: AppError `config.missing`, which lists where it looked. */
export function requireServers({ values, looked }: Configuration): readonly string[] {
  if (values.url !== undefined) return values.url.split(',');
  throw new AppError(
    'config.missing',
    `no server is known: looked at ${looked.join('; ')}. Set --server or dragonfly.url=`,
    { details: { looked } },
  );
}

/** The port that a network loader booted from. */
function bootifLayer(parameters: ReadonlyMap<string, string>): Layer {
  const value = bootifMac(parameters.get('BOOTIF') ?? '');
  return {
    read: (name) =>
      name === 'mac' ? { at: 'BOOTIF on the kernel command line', value } : undefined,
  };
}

interface Discovered {
  readonly url: string;
  readonly at: string;
}

/** The server's address from DHCP, else from DNS. Adds to `looked` what each of them had. */
async function discoverUrl(
  sources: ConfigSources,
  isPinned: boolean,
  looked: string[],
): Promise<Discovered | undefined> {
  const leases = await readLeases(sources.root);
  looked.push(
    leases.length === 0
      ? `a DHCP lease in ${leaseSources.map((s) => s.path).join(', ')} (none found)`
      : `DHCP option ${urlOption} in ${leases.map((l) => l.source).join(', ')}`,
  );
  for (const { url, source } of leases) {
    if (url !== undefined) return { url, at: `DHCP option ${urlOption} in ${source}` };
  }
  return discoverBySrv(sources, leases, isPinned, looked);
}

async function discoverBySrv(
  { root, resolveSrv }: ConfigSources,
  leases: readonly Lease[],
  isPinned: boolean,
  looked: string[],
): Promise<Discovered | undefined> {
  const domain = leases.find((l) => l.domain !== undefined)?.domain ?? (await searchDomain(root));
  const name = `_dragonfly._tcp.${domain ?? '<domain>'}`;
  if (domain === undefined) {
    looked.push(`DNS SRV ${name} (DHCP gave no domain)`);
    return undefined;
  }
  const targets = await resolveSrv(name).catch(() => []);
  looked.push(`DNS SRV ${name}${targets.length === 0 ? ' (no record)' : ''}`);
  if (targets.length === 0) return undefined;
  const urls = targets
    .toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)
    .map((t) => `${isPinned || t.port === 443 ? 'https' : 'http'}://${t.name}:${t.port}`);
  return { url: urls.join(','), at: `DNS SRV ${name}` };
}

/** Source: resolv.conf(5), where every DHCP client puts the domain. */
async function searchDomain(root: Root): Promise<string | undefined> {
  const text = await root.text('/etc/resolv.conf').catch(() => undefined);
  return /^\s*(?:search|domain)\s+([a-z0-9.-]{1,253})/im.exec(text ?? '')?.[1];
}
