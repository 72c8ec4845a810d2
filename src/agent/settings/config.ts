// The agent's settings from all their places: flags, the environment, the kernel command line and, for
// the server's address alone, the DHCP lease and DNS.
import { AppError } from '../../core/errors.ts';
import { normalizeBootMac } from '../../identity/macs.ts';
import { environmentLayer, flagLayer, kernelLayer } from '../../core/setting-layers.ts';
import { parseSetting, readSettings, type Layer, type Settings } from '../../core/settings.ts';
import type { Lease } from '../../model/network-setup.ts';
import { readKernelParameters } from '../../probes/kernel-command-line.ts';
import { leasePlaces, readLeases, urlOption } from '../../probes/network/leases.ts';
import { readResolver } from '../../probes/network/resolv-conf.ts';
import { Reading } from '../../probes/reading.ts';
import type { Root } from '../../sources/root.ts';
import { agentSettings } from './settings.ts';

export interface Configuration extends Settings<typeof agentSettings> {
  /** The places where the server's address was looked for, in order, and what each had. */
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
  const read = new Reading(sources.root, 'settings', () => {});
  const parameters = (await readKernelParameters(read)) ?? new Map<string, string>();
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
  const value = normalizeBootMac(parameters.get('BOOTIF') ?? '');
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
  const leases = (await readLeases(sources.root)) ?? [];
  looked.push(
    leases.length === 0
      ? `a DHCP lease in ${leasePlaces.map((place) => place.path).join(', ')} (none found)`
      : `DHCP option ${urlOption} in ${leases.map((l) => l.source).join(', ')}`,
  );
  for (const { url, source } of leases) {
    if (url === undefined) continue;
    const at = `DHCP option ${urlOption} in ${source}`;
    if (!isPinned || /\bhttps:/i.test(url)) return { url, at };
    looked.push(`${at} (${url}, passed over: a CA is pinned)`);
  }
  return discoverBySrv(sources, leases, isPinned, looked);
}

async function discoverBySrv(
  { root, resolveSrv }: ConfigSources,
  leases: readonly Lease[],
  isPinned: boolean,
  looked: string[],
): Promise<Discovered | undefined> {
  const resolver = await readResolver(new Reading(root, 'settings', () => {}));
  const domain =
    leases.find((l) => l.domain !== undefined)?.domain ?? resolver?.domain ?? undefined;
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
