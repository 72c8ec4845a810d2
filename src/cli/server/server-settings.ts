// The server's settings: one table for flags, environment, YAML file, --print-config and README.
import { readFileSync } from 'node:fs';
import { AppError } from '../../core/errors.ts';
import type { Args, Io, OptionSpec } from '../command.ts';

interface SettingSpec {
  readonly type: 'boolean' | 'string' | 'number';
  readonly describe: string;
  readonly default?: boolean | string | number;
  /** Shown as "set" only. */
  readonly secret?: true;
}

/** By flag. The environment variable of "tls-cert" is DRAGONFLY_TLS_CERT, its YAML key tls_cert. */
const serverSettings = {
  listen: {
    type: 'string',
    default: '127.0.0.1:3000',
    describe: 'address and port to listen on; other than loopback only with tokens',
  },
  data: { type: 'string', default: 'data', describe: 'directory of the embedded store' },
  store: {
    type: 'string',
    describe: 'lmdb:DIR, etcd:http://HOST:PORT,… or memory: (default: lmdb in --data)',
  },
  'public-url': {
    type: 'string',
    describe: 'this server as machines reach it (default: as each request names it)',
  },
  'enrolment-token': {
    type: 'string',
    secret: true,
    describe: 'agents register with it, and boot scripts hand it to them',
  },
  'enrolment-token-file': { type: 'string', describe: 'file that holds the enrolment token' },
  'stock-agents': {
    type: 'boolean',
    default: false,
    describe: 'agents that send no token, as Dragonfly’s own, may check in and work',
  },
  'secret-key-file': {
    type: 'string',
    describe: 'file with the keys that BMC passwords are encrypted with',
  },
  'secret-key': { type: 'string', secret: true, describe: 'such a key, in base64' },
  'tls-cert': { type: 'string', describe: 'certificate chain, PEM; read again when it changes' },
  'tls-key': { type: 'string', describe: 'its private key, PEM' },
  'tls-client-ca': {
    type: 'string',
    describe: 'clients need a certificate that this CA signed, PEM',
  },
  'heartbeat-interval': {
    type: 'number',
    default: 10,
    describe: 'seconds between the heartbeats of a machine in a small fleet',
  },
  'max-heartbeat-rate': {
    type: 'number',
    default: 500,
    describe: 'heartbeats per second beyond which a larger fleet beats more slowly',
  },
  'boot-dir': {
    type: 'string',
    describe: 'directory of ARCH/kernel and ARCH/initramfs, as build:initramfs makes it',
  },
  'boot-append': {
    type: 'string',
    describe: 'more parameters for the kernels that machines boot, as "console=ttyS0"',
  },
  'connections-per-address': {
    type: 'number',
    default: 1024,
    describe: 'open connections that one address may have; loopback: any number',
  },
} as const satisfies Record<string, SettingSpec>;

export type SettingFlag = keyof typeof serverSettings;
type TypeOf<S> = S extends { type: 'boolean' }
  ? boolean
  : S extends { type: 'number' }
    ? number
    : string;
type Values = {
  readonly [F in SettingFlag]: (typeof serverSettings)[F] extends { default: unknown }
    ? TypeOf<(typeof serverSettings)[F]>
    : TypeOf<(typeof serverSettings)[F]> | undefined;
};

export interface ServerConfiguration {
  readonly values: Values;
  /** Where each value came from: "--listen", "DRAGONFLY_LISTEN", "server.yaml: listen", "default". */
  readonly sources: Readonly<Record<string, string>>;
}

// The keys of a constant object are known.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const settingFlags = Object.keys(serverSettings) as SettingFlag[];

/** The flags of these settings, and of the file that may give them. */
export function settingOptions(
  flags: readonly SettingFlag[] = settingFlags,
): Record<string, OptionSpec> {
  const options = Object.fromEntries(
    flags.map((flag) => {
      const { type, describe } = serverSettings[flag];
      return [flag, { type, describe: describe + defaultText(flag) }] as const;
    }),
  );
  return { ...options, config: { type: 'string', describe: 'YAML file with settings' } };
}

function defaultText(flag: SettingFlag): string {
  const spec: SettingSpec = serverSettings[flag];
  return spec.default === undefined || spec.default === false ? '' : ` (default: ${spec.default})`;
}

function environmentName(flag: string): string {
  return `DRAGONFLY_${flag.toUpperCase().replaceAll('-', '_')}`;
}

function yamlKey(flag: string): string {
  return flag.replaceAll('-', '_');
}

/** Flags, then the environment, then the YAML file, then defaults.
 *  Errors: AppError `config.invalid` with the place of the fault. */
export async function readServerSettings(args: Args, io: Io): Promise<ServerConfiguration> {
  const path = text(args['config']) ?? io.env[environmentName('config')];
  const file = path === undefined ? {} : await readYamlFile(path);
  const values: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  for (const flag of settingFlags) {
    const spec: SettingSpec = serverSettings[flag];
    const env = environmentName(flag);
    const candidates: readonly [source: string, value: unknown][] = [
      [`--${flag}`, args[flag]],
      [env, io.env[env]],
      [`${path ?? ''}: ${yamlKey(flag)}`, file[yamlKey(flag)]],
      ['default', spec.default],
    ];
    const [source, value] = candidates.find(([, v]) => v !== undefined) ?? ['not set', undefined];
    values[flag] = value === undefined ? undefined : convert(spec, value, source);
    sources[flag] = source;
  }
  // Each value was converted to its setting's type just above.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { values: values as Values, sources };
}

async function readYamlFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new AppError('config.invalid', `cannot read the settings in ${path}`, { cause });
  }
  if (document === null) return {};
  if (typeof document !== 'object' || Array.isArray(document)) {
    throw new AppError('config.invalid', `${path} must hold settings, as "listen: 127.0.0.1:3000"`);
  }
  const known = settingFlags.map(yamlKey);
  const unknown = Object.keys(document).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new AppError(
      'config.invalid',
      `${path}: there is no setting ${unknown}; there are ${known.join(', ')}`,
    );
  }
  return { ...document };
}

function convert(spec: SettingSpec, value: unknown, source: string): unknown {
  const fault = (expected: string): AppError =>
    new AppError('config.invalid', `${source} must be ${expected}`, { details: { source } });
  if (spec.type === 'string') {
    if (typeof value === 'string' && value !== '') return value;
    throw fault('a text that is not empty');
  }
  if (spec.type === 'boolean') {
    if (value === true || value === 'true' || value === '1') return true;
    if (value === false || value === 'false' || value === '0') return false;
    throw fault('true or false');
  }
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number) && number > 0) return number;
  throw fault('a number above zero');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Each setting with its value, secrets hidden, and where it came from. */
export function shownSettings({ values, sources }: ServerConfiguration) {
  return settingFlags.map((flag) => {
    const spec: SettingSpec = serverSettings[flag];
    const value = values[flag];
    return {
      setting: yamlKey(flag),
      value: value === undefined ? null : spec.secret === true ? 'set' : value,
      source: sources[flag] ?? 'not set',
    };
  });
}

/** The URL of the store that the settings name. */
export function storeUrl({ values }: ServerConfiguration): string {
  return values.store ?? `lmdb:${values.data}`;
}

/** The keys for secrets: the file's, then the one of the environment. */
export function secretKeys({ values }: ServerConfiguration): string {
  const file = values['secret-key-file'];
  return [file === undefined ? '' : readText(file), values['secret-key'] ?? ''].join('\n');
}

/** A file that a setting names. Errors: AppError `config.invalid`. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError('config.invalid', `cannot read ${path}`, { cause });
  }
}
