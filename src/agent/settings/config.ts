// The agent's settings, each with where its value came from. Flags come before the environment, the
// kernel command line, the DHCP lease and DNS; what is found nowhere stays unset.
import { AppError } from '../../core/errors.ts';
import type { Root } from '../../sources/root.ts';
import { bootifMac, parseKernelCommandLine } from '../../inventory/kernel-command-line.ts';
import { leaseSources, readLeases, urlOption, type Lease } from './lease.ts';
import { parseSetting, settingNames, settingSpecs, type SettingName } from './settings.ts';

interface Setting {
  readonly value: string;
  /** For people: `kernel command line (dragonfly.url)`. */
  readonly source: string;
}

export interface Configuration {
  readonly settings: Readonly<Partial<Record<SettingName, Setting>>>;
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
  readonly flags: Readonly<Record<string, string | number | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly root: Root;
  /** The SRV records of a name; empty or an error where there are none. */
  readonly resolveSrv: (name: string) => Promise<readonly SrvTarget[]>;
}

/** A place that may have a setting. */
interface Layer {
  readonly name: string;
  read(setting: SettingName): { readonly at: string; readonly text: string | undefined };
}

/** Finds every setting. Errors: AppError `config.invalid` with where the value stands. */
export async function readConfiguration(sources: ConfigSources): Promise<Configuration> {
  const commandLine = await sources.root.text('/proc/cmdline').catch(() => undefined);
  const layers = [
    flagLayer(sources.flags),
    environmentLayer(sources.environment),
    kernelLayer(parseKernelCommandLine(commandLine ?? '')),
  ];
  const settings: Partial<Record<SettingName, Setting>> = {};
  for (const name of settingNames) {
    const found = firstOf(layers, name);
    if (found !== undefined) settings[name] = found;
  }
  const looked = layers.map((layer) => layer.read('url').at);
  if (settings.url === undefined) {
    const discovered = await discoverUrl(sources, settings.ca_sha256 !== undefined, looked);
    if (discovered !== undefined) settings.url = discovered;
  }
  return { settings, looked };
}

/** The addresses of the servers. Errors: AppError `config.missing`, which lists where it looked. */
export function requireServers(configuration: Configuration): readonly string[] {
  const { url } = configuration.settings;
  if (url !== undefined) return url.value.split(',');
  throw new AppError(
    'config.missing',
    `no server is known: looked at ${configuration.looked.join('; ')}. Set --server or dragonfly.url=`,
    { details: { looked: configuration.looked } },
  );
}

function firstOf(layers: readonly Layer[], name: SettingName): Setting | undefined {
  for (const layer of layers) {
    const { at, text } = layer.read(name);
    if (text === undefined || text === '') continue;
    return { value: parseSetting(name, text, at), source: `${layer.name} (${at})` };
  }
  return undefined;
}

function flagLayer(flags: ConfigSources['flags']): Layer {
  return {
    name: 'flag',
    read: (setting) => {
      const { flag } = settingSpecs[setting];
      const value = flags[flag];
      return { at: `--${flag}`, text: value?.toString() };
    },
  };
}

function environmentLayer(environment: ConfigSources['environment']): Layer {
  return {
    name: 'environment',
    read: (setting) => {
      const at = settingSpecs[setting].environment;
      return { at, text: environment[at] };
    },
  };
}

function kernelLayer(parameters: ReadonlyMap<string, string>): Layer {
  return {
    name: 'kernel command line',
    read: (setting) => {
      const at = settingSpecs[setting].kernel;
      const text = parameters.get(at);
      return setting === 'mac' && text === undefined
        ? { at: 'BOOTIF', text: bootifMac(parameters.get('BOOTIF') ?? '') }
        : { at, text };
    },
  };
}

/** The server's address from DHCP, else from DNS. Notes in `looked` what each of them had. */
async function discoverUrl(
  sources: ConfigSources,
  isPinned: boolean,
  looked: string[],
): Promise<Setting | undefined> {
  const leases = await readLeases(sources.root);
  looked.push(
    leases.length === 0
      ? `a DHCP lease in ${leaseSources.map((s) => s.path).join(', ')} (none found)`
      : `DHCP option ${urlOption} in ${leases.map((l) => l.source).join(', ')}`,
  );
  for (const { url, source } of leases) {
    if (url === undefined) continue;
    const at = `option ${urlOption} in ${source}`;
    return { value: parseSetting('url', url, at), source: `DHCP (${at})` };
  }
  return discoverBySrv(sources, leases, isPinned, looked);
}

async function discoverBySrv(
  { root, resolveSrv }: ConfigSources,
  leases: readonly Lease[],
  isPinned: boolean,
  looked: string[],
): Promise<Setting | undefined> {
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
  return { value: parseSetting('url', urls.join(','), name), source: `DNS (SRV ${name})` };
}

/** Source: resolv.conf(5), where every DHCP client puts the domain. */
async function searchDomain(root: Root): Promise<string | undefined> {
  const text = await root.text('/etc/resolv.conf').catch(() => undefined);
  return /^\s*(?:search|domain)\s+([a-z0-9.-]{1,253})/im.exec(text ?? '')?.[1];
}
