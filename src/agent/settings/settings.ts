// The agent's settings and the values each accepts. config.ts looks them up.
import { parseSha256, parseToken, parseUrl } from '../../transport/address.ts';
import type { SettingSpecs } from '../../core/settings/settings.ts';
import { normalizeMac } from '../../identity/macs.ts';
import { isUuid } from '../../identity/uuid.ts';

/** Every setting. The table in the documentation is tested against it. */
export const agentSettings = {
  url: {
    type: 'string',
    value: 'URL',
    flag: 'server',
    describe: 'addresses of the servers, separated by commas',
    parse: parseUrls,
  },
  mode: {
    type: 'string',
    choices: ['discovery', 'imaging'],
    describe: 'the machine was booted to be worked on',
  },
  mac: {
    type: 'string',
    value: 'MAC',
    describe: 'MAC address of the port booted from',
    parse: parseMac,
  },
  workflow: {
    type: 'string',
    value: 'UUID',
    describe: 'the workflow named by the boot script; not an order: those come from the server',
    parse: parseUuid,
  },
  token: {
    type: 'string',
    secret: true,
    describe: 'bearer token for check-ins',
    parse: parseToken,
  },
  interval: {
    type: 'number',
    value: 'SECONDS',
    range: [1, 3600],
    describe: 'longest time between heartbeats, in seconds',
  },
  ca_sha256: {
    type: 'string',
    value: 'HEX',
    describe: 'SHA-256 of the only CA certificate to trust',
    parse: parseSha256,
  },
  log: {
    type: 'string',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    describe: 'how much to log',
  },
} as const satisfies SettingSpecs;

function parseUrls(text: string): string {
  const urls = text.split(/[\s,]+/).filter(Boolean);
  if (urls.length === 0) throw new Error('it must hold an address');
  return urls.map(parseUrl).join(',');
}

function parseMac(text: string): string {
  const mac = normalizeMac(text);
  if (mac === undefined) throw new Error('it must be a MAC address');
  return mac;
}

function parseUuid(text: string): string {
  if (!isUuid(text)) throw new Error('it must be a UUID');
  return text.toLowerCase();
}
