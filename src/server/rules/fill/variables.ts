// The variables of templates and their values for a machine. Pure but for the random that is given.
import { v5 as uuidv5 } from 'uuid';
import { parse } from 'yaml';
import type {
  fleetVariableNames,
  variableNames,
} from '../../../model/documents/template-variables.ts';
import type { Machine } from '../../../model/machine.ts';
import { withoutStacks } from '../bounded-yaml.ts';
import { networkConfig } from './network-config.ts';

/** Those that are set. */
export type FleetSettings = Readonly<Partial<Record<(typeof fleetVariableNames)[number], string>>>;

/** A variable as the text of a file needs it. */
export interface Variable {
  /** Its value in plain text. */
  readonly text: string;
  /** In the place of a whole YAML value; absent: the text, in quotes where YAML needs them. */
  readonly yaml?: string;
  /** In the place of the items of a YAML list. */
  readonly items?: readonly string[];
}

export type Variables = ReadonlyMap<string, Variable>;

export interface VariableContext {
  readonly server: Omit<ServerSeen, 'reportUrl'>;
  /** Where the installed system reports. */
  readonly phoneHomeUrl: string;
  /** Gives [0, 1), not to be guessed. */
  readonly random: () => number;
}

/** This server as machines see it. */
export interface ServerSeen {
  readonly url: string;
  /** Where installed systems report. */
  readonly reportUrl: string;
  /** The certificate to trust it by, PEM; "" without TLS. */
  readonly ca: string;
}

/** The variables for one rendering of a template. */
export function machineVariables(
  machine: Machine,
  settings: FleetSettings,
  { server, phoneHomeUrl, random }: VariableContext,
): Variables {
  const mac = machine.identity.primary_mac;
  const password = settings.default_password ?? '';
  return new Map<(typeof variableNames)[number], Variable>([
    ['server', { text: server.url }],
    ['server_ca', { text: server.ca }],
    ['phone_home_url', { text: phoneHomeUrl }],
    ['hostname', { text: hostName(machine) }],
    ['instance_id', { text: uuidv5(mac, uuidv5.DNS) }],
    ['friendly_name', { text: machine.config.memorable_name }],
    ['network_config_cloudinit', { text: networkConfig(machine) }],
    ['default_user', { text: settings.default_user ?? 'root' }],
    ['default_password', { text: password === '' ? lockedPassword(random) : password }],
    ['ssh_authorized_keys', listOf(settings.ssh_authorized_keys ?? '', /\n/)],
    ['ssh_import_id', listOf(settings.ssh_import_id ?? '', /[\s,]+/)],
    ['ssh_pwauth', asWritten(settings.ssh_pwauth ?? String(password !== ''))],
  ]);
}

/** A machine calls itself what it likes, and whoever came first with its address may have said it. In a script or a
 *  part of a MIME message nothing else keeps a text from being read as more. */
function hostName({ config: { hostname, memorable_name } }: Machine): string {
  return hostname !== null && isHostName.test(hostname) ? hostname : memorable_name;
}

const isHostName = /^(?!\(none\)$|localhost(?:\.localdomain)?$)[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

const lettersAndDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** No password: as a hash "!" locks the account, and as a text nobody can guess it. */
function lockedPassword(random: () => number): string {
  const letter = (): string =>
    lettersAndDigits.charAt(Math.floor(random() * lettersAndDigits.length));
  return `!${Array.from({ length: 32 }, letter).join('')}`;
}

/** A word that operators write in YAML themselves; anything else is text. */
function asWritten(text: string): Variable {
  return /^\w+$/.test(text) ? { text, yaml: text } : { text };
}

/** A list that operators write one item to a line, or as a YAML list. */
function listOf(setting: string, separator: RegExp): Variable {
  const text = setting.trim();
  const items = flowList(text) ?? linesOf(text, separator);
  return { text: items.join('\n'), yaml: JSON.stringify(items), items };
}

function linesOf(text: string, separator: RegExp): string[] {
  const lines = text.split(separator).map((line) => line.replace(/^\s*-\s+/, '').trim());
  return lines.filter((item) => item !== '' && item !== '-');
}

/** The items of a list in brackets; undefined for any other text. */
function flowList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const list: unknown = withoutStacks(() =>
      parse(text, { schema: 'failsafe', prettyErrors: false }),
    );
    const isTexts = Array.isArray(list) && list.every((item) => typeof item === 'string');
    return isTexts ? list : undefined;
  } catch {
    return undefined;
  }
}
