// Operators' settings for booting, each in three places: `NAME` for all machines, `NAME.tag.TAG` for those
// with a tag, `NAME.machine.ID` for one.
import { AppError } from '../../core/errors.ts';
import { existingOs, stateName, type Machine } from '../../model/machine.ts';
import { isPlain, parseLocalBoot, type LocalBoot } from '../../netboot/boot-parameters.ts';
import { parseLoader, type Loader } from '../../netboot/dhcp/clients.ts';
import { longestAppend, type Appended } from '../../netboot/kernel-line.ts';
import { mostPublicKeys } from '../../model/ssh-key.ts';
import type { Store } from '../../store/store.ts';
import { parseSshKeys, sshKeysSetting } from '../rules/settings/ssh-keys.ts';

export const holdSetting = 'boot.hold';
const localSetting = 'boot.local';
const appendSetting = 'boot.append';
const giveUpSetting = 'boot.give_up_seconds';
const loaderSetting = 'boot.loader';

const defaultGiveUpSeconds = 300;

/** Refuses a value that a boot script cannot hold or that means nothing. Other settings are free text.
 *  Errors: AppError `request.invalid`. */
export function refuseBootSetting(key: string, value: string): void {
  for (const [name, { fits, form }] of Object.entries(forms)) {
    if ((key === name || key.startsWith(`${name}.`)) && !fits(value)) {
      throw new AppError('request.invalid', `the setting ${key} takes ${form}`, {
        details: { key, value: value.slice(0, 200) },
      });
    }
  }
}

const forms: Readonly<Record<string, { fits: (value: string) => boolean; form: string }>> = {
  [localSetting]: {
    fits: (value) => parseLocalBoot(value) !== undefined,
    form: '"default", "exit", "chain", "sanboot" or a BIOS drive as "sanboot:0x81"',
  },
  [loaderSetting]: {
    fits: (value) => parseLoader(value) !== undefined,
    form: '"ipxe", "shim" or "unified"',
  },
  [appendSetting]: {
    fits: (value) => isPlain(value) && value.length <= longestAppend,
    form: `kernel parameters: at most ${longestAppend} letters, digits, spaces and .,:;+/=@%~[]_-`,
  },
  [giveUpSetting]: {
    fits: (value) => secondsOf(value) !== undefined,
    form: 'whole seconds up to 86400, or 0 for never',
  },
  [sshKeysSetting]: {
    fits: (value) => parseSshKeys(value) !== undefined,
    form: `public keys of OpenSSH, one to a line, at most ${mostPublicKeys}, RSA from 2048 bits on, without options before them`,
  },
};

/** True if an operator keeps the machine in the agent, whatever is on its disks: "true" holds, anything else
 *  lets go. */
export async function isHeld(store: Store, machine: Machine): Promise<boolean> {
  const { own, byTag, general } = await settingFor(store, machine, holdSetting);
  if (own !== undefined) return own === 'true';
  if (byTag.length > 0) return byTag.some(({ value }) => value === 'true');
  return general === 'true';
}

/** An operator's choices for a machine's boot script; those for all machines where it is unknown. */
export interface BootChoices {
  readonly localBoot: LocalBoot;
  /** The general ones first. */
  readonly append: readonly Appended[];
  /** Left out: never. */
  readonly giveUpSeconds: number | undefined;
  readonly loader: Loader;
}

/** The choices where an operator made none. */
export const usualChoices: BootChoices = {
  localBoot: 'default',
  append: [],
  giveUpSeconds: defaultGiveUpSeconds,
  loader: 'ipxe',
};

export async function bootChoices(
  store: Store,
  machine: Machine | undefined,
): Promise<BootChoices> {
  const [local, append, giveUp, loader] = await Promise.all([
    settingFor(store, machine, localSetting),
    settingFor(store, machine, appendSetting),
    settingFor(store, machine, giveUpSetting),
    settingFor(store, machine, loaderSetting),
  ]);
  const hasNothing = machine !== undefined && hasNothingToBoot(machine);
  return {
    localBoot: parseLocalBoot(mostSpecific(local) ?? '') ?? usualChoices.localBoot,
    append: [
      ...(append.general === undefined ? [] : [{ from: appendSetting, text: append.general }]),
      ...append.byTag.map(({ key, value }) => ({ from: key, text: value })),
      ...(append.own === undefined || machine === undefined
        ? []
        : [{ from: `${appendSetting}.machine.${machine.id}`, text: append.own }]),
    ].filter(({ text }) => isPlain(text)),
    loader: parseLoader(mostSpecific(loader) ?? '') ?? usualChoices.loader,
    giveUpSeconds: hasNothing ? undefined : secondsBeforeGivingUp(mostSpecific(giveUp)),
  };
}

interface Values {
  readonly own: string | undefined;
  /** In the order of the tags. */
  readonly byTag: readonly { readonly key: string; readonly value: string }[];
  readonly general: string | undefined;
}

async function settingFor(
  store: Store,
  machine: Machine | undefined,
  name: string,
): Promise<Values> {
  const get = async (key: string): Promise<string | undefined> =>
    (await store.settings.get(key))?.value.value;
  const tags = machine?.config.tags.toSorted() ?? [];
  const [general, own, ...byTag] = await Promise.all([
    get(name),
    machine && get(`${name}.machine.${machine.id}`),
    ...tags.map((tag) => get(`${name}.tag.${tag}`)),
  ]);
  return {
    own,
    general,
    byTag: byTag.flatMap((value, i) =>
      value === undefined ? [] : [{ key: `${name}.tag.${tags[i]}`, value }],
    ),
  };
}

/** The machine's own counts before its tags', the first of these before the general one. */
function mostSpecific({ own, byTag, general }: Values): string | undefined {
  return own ?? byTag[0]?.value ?? general;
}

/** True if an agent that looks for systems on the disks found none. */
function hasNothingToBoot(machine: Machine): boolean {
  const state = stateName(machine.status.state);
  const looked = (machine.report?.boot_id ?? null) !== null && existingOs(machine) === null;
  return looked && state !== 'Provisioned' && state !== 'Offline';
}

function secondsBeforeGivingUp(setting: string | undefined): number | undefined {
  const seconds = secondsOf(setting ?? '') ?? defaultGiveUpSeconds;
  return seconds === 0 ? undefined : seconds;
}

function secondsOf(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 86_400 ? Number(text) : undefined;
}
