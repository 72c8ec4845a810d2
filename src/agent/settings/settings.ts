// The agent's settings: the names each goes by, and which values it takes.
// Where a value comes from is config.ts's business.
import { AppError } from '../../core/errors.ts';
import { normalizeMac } from '../../identity/macs.ts';

interface SettingSpec {
  /** Its flag on the command line. */
  readonly flag: string;
  readonly environment: string;
  readonly kernel: string;
  readonly describe: string;
  readonly secret?: true;
  /** The value in its one spelling; throws a sentence saying what it should be. */
  readonly parse: (text: string) => string;
}

/** Every setting. The flags table of the documentation is tested against it. */
export const settingSpecs = {
  url: spec('server', 'DRAGONFLY_URL', 'url', 'addresses of the servers, by commas', parseUrls),
  mode: spec('mode', 'DRAGONFLY_MODE', 'mode', 'discovery or imaging', parseMode),
  mac: spec('mac', 'DRAGONFLY_MAC', 'mac', 'MAC of the port booted from', parseMac),
  workflow: spec('workflow', 'DRAGONFLY_WORKFLOW', 'workflow', 'workflow to execute', parseUuid),
  token: {
    ...spec('token', 'DRAGONFLY_TOKEN', 'token', 'bearer token for check-ins', parseToken),
    secret: true,
  },
  interval: spec(
    'interval',
    'DRAGONFLY_INTERVAL',
    'interval',
    'longest time between heartbeats, in seconds',
    parseSeconds,
  ),
  ca_sha256: spec(
    'ca-sha256',
    'DRAGONFLY_CA_SHA256',
    'ca_sha256',
    'SHA-256 of the CA certificate to trust, and no other',
    parseSha256,
  ),
  log: spec('log', 'DRAGONFLY_LOG', 'log', 'debug, info, warn or error', parseLevel),
} as const satisfies Record<string, SettingSpec>;

export type SettingName = keyof typeof settingSpecs;

/** The names of all settings. */
export const settingNames: readonly SettingName[] = Object.keys(settingSpecs).filter(
  (name): name is SettingName => name in settingSpecs,
);

/** A value in its one spelling. `at` says where it stands; a secret is not shown.
 *  Errors: AppError `config.invalid`. */
export function parseSetting(name: SettingName, text: string, at: string): string {
  const { parse: read, secret }: SettingSpec = settingSpecs[name];
  try {
    return read(text.trim());
  } catch (err) {
    const shown = secret === true ? 'the value' : JSON.stringify(text.slice(0, 200));
    throw new AppError('config.invalid', `${shown} in ${at} cannot be used`, { cause: err });
  }
}

function spec(
  flag: string,
  environment: string,
  kernel: string,
  describe: string,
  read: (text: string) => string,
): SettingSpec {
  return { flag, environment, kernel: `dragonfly.${kernel}`, describe, parse: read };
}

function parseUrls(text: string): string {
  return text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(parseUrl)
    .join(',');
}

function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Error('it has to be an address that starts with http:// or https://');
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error('an address must not have a password in it; use a token');
  }
  return url.href.replace(/\/$/, '');
}

function parseMode(text: string): string {
  return oneOf(text, ['discovery', 'imaging']);
}

function parseLevel(text: string): string {
  return oneOf(text, ['debug', 'info', 'warn', 'error', 'silent']);
}

function oneOf(text: string, choices: readonly string[]): string {
  if (!choices.includes(text)) throw new Error(`it has to be one of ${choices.join(', ')}`);
  return text;
}

function parseMac(text: string): string {
  const mac = normalizeMac(text);
  if (mac === undefined) throw new Error('it has to be a MAC address');
  return mac;
}

function parseUuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new Error('it has to be a UUID');
  }
  return text.toLowerCase();
}

function parseToken(text: string): string {
  if (!/^[\x21-\x7e]{1,4096}$/.test(text)) throw new Error('a token is of visible ASCII');
  return text;
}

function parseSeconds(text: string): string {
  const seconds = Number(text);
  if (!(seconds >= 1 && seconds <= 3_600)) throw new Error('it has to be from 1 to 3600 seconds');
  return String(seconds);
}

function parseSha256(text: string): string {
  const digits = text.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new Error('it has to be 64 hex digits');
  return digits;
}
