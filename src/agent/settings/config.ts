// The agent's settings from all their places: flags, the environment, the kernel command line and, for
// the server's address alone, the DHCP lease and DNS.
import { AppError, describeError, isAppError } from '../../core/errors.ts';
import { normalizeBootMac } from '../../identity/macs.ts';
import { environmentLayer, flagLayer, kernelLayer } from '../../core/settings/setting-layers.ts';
import {
  parseSetting,
  readSettings,
  type Layer,
  type Settings,
} from '../../core/settings/settings.ts';
import type { Lease } from '../../model/network-setup.ts';
import { readKernelParameters } from '../../probes/kernel-command-line.ts';
import { urlOption } from '../../probes/network/lease-formats.ts';
import { leasePlaces, readLeases } from '../../probes/network/leases.ts';
import { readResolver } from '../../probes/network/resolv-conf.ts';
import { Reading } from '../../probes/reading.ts';
import type { Root } from '../../sources/root.ts';
import { agentSettings } from './settings.ts';

export interface Configuration extends Settings<typeof agentSettings> {
  /** The places where the server's address was looked for, in order, and what each had. */
  readonly looked: readonly string[];
  /** The addresses from DHCP that cannot be used, and why. */
  readonly passedOver: readonly string[];
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
  const search = { looked, passedOver: [], isPinned: settings.values.ca_sha256 !== undefined };
  if (settings.values.url !== undefined) return { ...settings, ...search };
  const found = await discoverUrl(sources, search);
  if (found === undefined) return { ...settings, ...search };
  return {
    values: { ...settings.values, url: found.url },
    sources: { ...settings.sources, url: found.at },
    ...search,
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

/** The search for the server's address: the places that were looked at, and what was found there and is no use. */
interface Search {
  readonly isPinned: boolean;
  readonly looked: string[];
  readonly passedOver: string[];
}

/** The server's address from DHCP, else from DNS, else from a lease that has expired or is another host's. */
async function discoverUrl(
  sources: ConfigSources,
  search: Search,
): Promise<Discovered | undefined> {
  const leases = (await readLeases(sources.root)) ?? [];
  search.looked.push(
    leases.length === 0
      ? `a DHCP lease in ${places.join(', ')} (none found)`
      : `DHCP option ${urlOption} in ${[...new Set(leases.map((l) => l.source))].join(', ')}`,
  );
  const current = leases.filter((lease) => lease.is_old !== true);
  const old = leases.filter((lease) => lease.is_old === true);
  return (
    firstUsable(current, search) ??
    (await discoverBySrv(sources, { current, old }, search)) ??
    firstUsable(old, search)
  );
}

const places = [...new Set(leasePlaces.map((place) => place.path))];

function firstUsable(leases: readonly Lease[], search: Search): Discovered | undefined {
  for (const { url, source, is_old } of leases) {
    if (url === undefined) continue;
    const at = `DHCP option ${urlOption} in ${source}${is_old === true ? ', an old lease' : ''}`;
    const found = usable(url, at, search);
    if (found === undefined) continue;
    if (!search.isPinned || /\bhttps:/i.test(found.url)) return found;
    search.looked.push(`${at} (${url}, passed over: a CA is pinned)`);
  }
  return undefined;
}

/** Undefined for a text that is no address. It is not repeated: it may have a password in it. */
function usable(text: string, at: string, search: Search): Discovered | undefined {
  try {
    return { url: String(parseSetting(agentSettings.url, text, at)), at };
  } catch (err) {
    if (!isAppError(err, 'config.invalid')) throw err;
    const why = `${at} (passed over: ${describeError(err.cause)})`;
    search.looked.push(why);
    search.passedOver.push(why);
    return undefined;
  }
}

async function discoverBySrv(
  { root, resolveSrv }: ConfigSources,
  { current, old }: Readonly<Record<'current' | 'old', readonly Lease[]>>,
  search: Search,
): Promise<Discovered | undefined> {
  const { isPinned, looked } = search;
  const resolver = await readResolver(new Reading(root, 'settings', () => {}));
  const domain = domainOf(current) ?? resolver?.domain ?? domainOf(old);
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
  return usable(urls.join(','), `DNS SRV ${name}`, search);
}

function domainOf(leases: readonly Lease[]): string | undefined {
  return leases.find(({ domain }) => domain !== undefined)?.domain;
}
