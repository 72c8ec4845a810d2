// The server's settings: one table for flags, environment, YAML file, --print-config and docs/server.md.
import { AppError } from '../../../core/errors.ts';
import { readNamedFile } from '../../../core/files/named-file.ts';
import {
  documentLayer,
  environmentLayer,
  flagLayer,
} from '../../../core/settings/setting-layers.ts';
import {
  readSettings,
  type Layer,
  type Settings,
  type SettingSpecs,
} from '../../../core/settings/settings.ts';
import type { OpenOptions } from '../../../store/kv/kv.ts';
import { parseUrl } from '../../../transport/address.ts';
import { Networks } from '../../../webhooks/networks.ts';
import type { Args, Io } from '../../command.ts';
import { oidcSettings } from './oidc-settings.ts';
import { onlyNetwork, parseNetboot } from '../serving/netboot.ts';

/** As it was written. Errors: AppError `config.invalid`. */
function parseNetworks(text: string): string {
  void new Networks(text);
  return text;
}

export const serverSettings = {
  listen: {
    type: 'string',
    value: 'ADDRESS:PORT',
    default: '127.0.0.1:3000',
    describe: 'address and port to listen on; other than loopback only with tokens',
  },
  boot_listen: {
    type: 'string',
    value: 'ADDRESS:PORT',
    describe:
      'address and port without TLS for machines that boot: boot files and the reports of installed systems, no more',
  },
  data: {
    type: 'string',
    value: 'DIR',
    default: 'data',
    describe: 'directory of the embedded store',
  },
  store: {
    type: 'string',
    value: 'URL',
    describe:
      'URL of the store, as etcd:https://HOST:PORT,… or etcd:srv:DOMAIN (default: lmdb in --data)',
  },
  etcd_cacert: {
    type: 'string',
    value: 'FILE',
    describe: "CA of etcd's members, PEM (default: those of Node)",
  },
  etcd_cert: {
    type: 'string',
    value: 'FILE',
    describe: 'client certificate for etcd, PEM',
  },
  etcd_key: { type: 'string', value: 'FILE', describe: 'its private key, PEM' },
  etcd_user: { type: 'string', value: 'NAME', describe: 'user of etcd' },
  etcd_password_file: {
    type: 'string',
    value: 'FILE',
    describe: 'file that holds the password of the etcd user',
  },
  etcd_password: { type: 'string', secret: true, describe: 'that password' },
  public_url: {
    type: 'string',
    value: 'URL',
    describe: 'this server as machines reach it (default: as each request names it)',
    parse: parseUrl,
  },
  enrolment_token: {
    type: 'string',
    secret: true,
    describe: 'agents register with it; boot scripts hand out a secret for each boot',
  },
  enrolment_token_file: {
    type: 'string',
    value: 'FILE',
    describe: 'file that holds the enrolment token',
  },
  stock_agents: {
    type: 'boolean',
    default: false,
    describe:
      'agents without a token, as Dragonfly’s own, may register and work: anybody who reaches the port can pass for such a machine by its MAC and disks',
  },
  secret_key_file: {
    type: 'string',
    value: 'FILE',
    describe: 'file with the keys that BMC passwords are encrypted with',
  },
  secret_key: { type: 'string', secret: true, describe: 'such a key, in base64' },
  tls_cert: {
    type: 'string',
    value: 'FILE',
    describe: 'certificate chain, PEM; read again when it changes',
  },
  tls_key: { type: 'string', value: 'FILE', describe: 'its private key, PEM' },
  tls_client_ca: {
    type: 'string',
    value: 'FILE',
    describe: 'clients need a certificate that this CA signed, PEM',
  },
  heartbeat_interval: {
    type: 'number',
    value: 'SECONDS',
    default: 10,
    range: [0.1, 3600],
    describe: 'seconds between the heartbeats of a machine in a small fleet',
  },
  max_heartbeat_rate: {
    type: 'number',
    default: 500,
    range: [0.1, 1_000_000],
    describe: 'heartbeats per second beyond which the intervals grow',
  },
  boot_dir: {
    type: 'string',
    value: 'DIR',
    describe: 'directory of ARCH/kernel and ARCH/initramfs, as build:initramfs makes it',
  },
  boot_append: {
    type: 'string',
    describe: 'more kernel parameters for the machines it boots, such as "console=ttyS0"',
  },
  netboot: {
    type: 'string',
    value: 'ADDRESS',
    bare: onlyNetwork,
    parse: parseNetboot,
    describe:
      "tell machines on this host's network what they boot (ProxyDHCP, TFTP), beside the DHCP server there; with several networks, this host's address on it",
  },
  image_dir: {
    type: 'string',
    value: 'DIR',
    describe: 'directory of disk images, which machines fetch as /images/NAME',
  },
  webhook_networks: {
    type: 'string',
    value: 'LIST',
    describe:
      'addresses and networks off the public internet that webhooks may post to, as 10.0.0.0/8,fd00::/8',
    parse: parseNetworks,
  },
  webhook_cacert: {
    type: 'string',
    value: 'FILE',
    describe: 'CA of the receivers of webhooks, PEM (default: those of Node)',
  },
  connections_per_address: {
    type: 'number',
    default: 1024,
    range: [1, 1_000_000],
    describe:
      'open connections that one address may have; an IPv6 network (/64): ten times as many; loopback: any number',
  },
  ...oidcSettings,
} as const satisfies SettingSpecs;

/** Only a flag or the environment can name the settings file. */
const fileSetting = {
  config: { type: 'string', value: 'FILE', describe: 'YAML file with settings' },
} as const satisfies SettingSpecs;

/** The settings that a command needs, and the file they may stand in. */
export function settingsOf(names: readonly (keyof typeof serverSettings)[]): SettingSpecs {
  return { ...Object.fromEntries(names.map((n) => [n, serverSettings[n]])), ...fileSetting };
}

export const allSettings: SettingSpecs = { ...serverSettings, ...fileSetting };

export type ServerConfiguration = Settings<typeof serverSettings>;

/** Reads flags, then the environment, then the YAML file, then defaults.
 *  Errors: AppError `config.invalid` with the place of the fault. */
export async function serverConfiguration(args: Args, io: Io): Promise<ServerConfiguration> {
  const layers: Layer[] = [flagLayer(args), environmentLayer(io.env)];
  const path = readSettings(fileSetting, layers).values.config;
  if (path !== undefined) layers.push(await fileLayer(path));
  return readSettings(serverSettings, layers);
}

async function fileLayer(path: string): Promise<Layer> {
  const { parseYaml } = await import('../../text/yaml.ts');
  let document: unknown;
  try {
    document = parseYaml(readNamedFile(path));
  } catch (cause) {
    throw new AppError('config.invalid', `cannot read the settings in ${path}`, { cause });
  }
  return documentLayer(path, document, serverSettings);
}

/** The settings that a command needs to open the store. */
export const storeSettingNames = [
  'data',
  'store',
  'etcd_cacert',
  'etcd_cert',
  'etcd_key',
  'etcd_user',
  'etcd_password_file',
  'etcd_password',
] as const;

/** The ways in to the store that the settings give. */
export function storeAccess({
  values,
}: ServerConfiguration): Pick<OpenOptions, 'etcd' | 'lookUpService'> {
  return {
    etcd: {
      cacert: values.etcd_cacert,
      cert: values.etcd_cert,
      key: values.etcd_key,
      user: values.etcd_user,
      password: values.etcd_password,
      passwordFile: values.etcd_password_file,
    },
    lookUpService: async (name) => (await import('node:dns/promises')).resolveSrv(name),
  };
}

/** The URL of the store that the settings name. */
export function storeUrl({ values }: ServerConfiguration): string {
  return values.store ?? `lmdb:${values.data}`;
}

/** The keys for secrets, one a line: those in the file first. */
export function secretKeys({ values }: ServerConfiguration): string {
  const file = values.secret_key_file;
  return [file === undefined ? '' : readText(file), values.secret_key ?? ''].join('\n');
}

/** Reads a file that a setting names. Errors: AppError `config.invalid`. */
export function readText(path: string): string {
  try {
    return readNamedFile(path);
  } catch (cause) {
    throw new AppError('config.invalid', `cannot read ${path}`, { cause });
  }
}
