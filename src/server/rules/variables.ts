// The variables of templates and their values for a machine. Pure but for the random that is given.
import { v5 as uuidv5 } from 'uuid';
import type { Machine } from '../../model/machine.ts';

/** The variables that operators set for all machines as "template.<name>". */
export const fleetVariableNames = [
  'default_user',
  'default_password',
  'ssh_authorized_keys',
  'ssh_import_id',
  'ssh_pwauth',
] as const;

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
  /** The URL of this server. */
  readonly server: string;
  /** Gives [0, 1), not to be guessed. */
  readonly random: () => number;
}

/** The variables for one rendering of a template. */
export function machineVariables(
  machine: Machine,
  settings: FleetSettings,
  { server, random }: VariableContext,
): Variables {
  const mac = machine.identity.primary_mac;
  const password = settings.default_password ?? '';
  return new Map<string, Variable>([
    ['server', { text: server }],
    ['instance_id', { text: uuidv5(mac, uuidv5.DNS) }],
    ['friendly_name', { text: machine.config.memorable_name }],
    ['network_config_cloudinit', { text: networkConfig(mac) }],
    ['default_user', { text: settings.default_user ?? 'root' }],
    ['default_password', { text: password === '' ? lockedPassword(random) : password }],
    ['ssh_authorized_keys', listOf(settings.ssh_authorized_keys ?? '', /\n/)],
    ['ssh_import_id', listOf(settings.ssh_import_id ?? '', /[\s,]+/)],
    ['ssh_pwauth', asWritten(settings.ssh_pwauth ?? String(password !== ''))],
  ]);
}

const lettersAndDigits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** No password: as a hash "!" locks the account, and as a text nobody can guess it. */
function lockedPassword(random: () => number): string {
  const letter = (): string =>
    lettersAndDigits.charAt(Math.floor(random() * lettersAndDigits.length));
  return `!${Array.from({ length: 32 }, letter).join('')}`;
}

function networkConfig(mac: string): string {
  return [
    'version: 2',
    'ethernets:',
    '  primary:',
    `    match: { macaddress: "${mac}" }`,
    '    dhcp4: true',
    '    dhcp6: true',
    '',
  ].join('\n');
}

/** A value that operators write in YAML themselves. */
function asWritten(text: string): Variable {
  return { text, yaml: text };
}

/** A list that operators write one item to a line, or as a YAML list. */
function listOf(setting: string, separator: RegExp): Variable {
  const text = setting.trim();
  if (text.startsWith('[')) return asWritten(text);
  const lines = text.split(separator).map((line) => line.replace(/^\s*-\s+/, '').trim());
  const items = lines.filter((item) => item !== '' && item !== '-');
  return { text: items.join('\n'), yaml: JSON.stringify(items), items };
}
