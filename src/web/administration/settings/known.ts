// The settings that the server itself uses, and their meaning. Any others are free text.

export const known: readonly (readonly [key: string, says: string])[] = [
  ['boot.hold', '"true": machines stay in the agent, whatever is on their disks'],
  [
    'boot.local',
    'the way from the boot script to the disk: default, exit, chain, sanboot or sanboot:0x81',
  ],
  ['boot.append', 'more kernel parameters for the agent'],
  ['boot.give_up_seconds', 'after so long without a server a machine boots its disk; 0: never'],
  ['boot.loader', 'what UEFI machines are offered: ipxe, shim or unified'],
  ['boot.ssh_keys', 'public keys that may log in by SSH in the netboot image, one to a line'],
  ['boot.mode_parameter', '"false": boot scripts leave out the parameter of the mode'],
  ['template.default_user', '{{ default_user }} of templates'],
  ['template.default_password', '{{ default_password }} of templates'],
  ['template.ssh_authorized_keys', '{{ ssh_authorized_keys }} of templates, one key to a line'],
  ['template.ssh_import_id', '{{ ssh_import_id }} of templates, as gh:NAME'],
  ['template.ssh_pwauth', '{{ ssh_pwauth }} of templates'],
];

/** The meaning of a key, which may be that of one tag or machine. */
export function meaningOf(key: string): string | undefined {
  const found = known.find(([name]) => key === name || key.startsWith(`${name}.`));
  if (found === undefined) return undefined;
  const [name, says] = found;
  const [, kind, which] = /^\.(tag|machine)\.(.+)$/.exec(key.slice(name.length)) ?? [];
  return kind === undefined ? says : `${says}; for the ${kind} ${which ?? ''}`;
}
