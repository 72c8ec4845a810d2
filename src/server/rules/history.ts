// A machine's history: what changed between two states of its record. Pure.
import type { MachineChange } from '../../model/history.ts';
import {
  existingOs,
  stateName,
  tokenIds,
  type HardwareInfo,
  type Machine,
} from '../../model/machine.ts';

/** The history of a change by the server or an operator: of the machine, its state and its configuration. */
export function historyOf(before: Machine, after: Machine, at: string): MachineChange[] {
  const changes = [...changesBetween(before, after, at), ...tokenChange(before, after, at)];
  const compare = (what: string, was: string | null, is: string | null): void => {
    if (was !== is) changes.push({ at, what, before: was, after: is });
  };
  compare('state', stateName(before.status.state), stateName(after.status.state));
  compare('os_choice', before.config.os_choice, after.config.os_choice);
  compare('hostname', before.config.hostname, after.config.hostname);
  return changes;
}

/** The history of a machine whose token changed hands. Its first token is no change. */
export function tokenChange(before: Machine, after: Machine, at: string): MachineChange[] {
  const [was] = tokenIds(before);
  const [is = null] = tokenIds(after);
  return was === undefined || was === is ? [] : [{ at, what: 'token', before: was, after: is }];
}

/** The history of a machine whose name another token's holder came to speak for. Its first holder is none. */
export function holderChange(before: Machine, after: Machine, at: string): MachineChange[] {
  const [was, is = null] = [before.token_holder, after.token_holder];
  return was === undefined || was === is
    ? []
    : [{ at, what: 'token_holder', before: was, after: is }];
}

/** The history of a returning machine. Learning what was not known before is no change. */
export function changesBetween(before: Machine, after: Machine, at: string): MachineChange[] {
  const changes: MachineChange[] = [];
  const add = (what: string, was: Shown, is: Shown): void => {
    changes.push({ at, what, before: was, after: is });
  };
  for (const what of ['primary_mac', 'smbios_uuid', 'machine_id'] as const) {
    const was = before.identity[what];
    if (was !== null && was !== after.identity[what]) add(what, was, after.identity[what]);
  }
  const [oldAgent, agent] = [before.report?.agent_version ?? null, after.report?.agent_version];
  // Another version may count other addresses: then that is why they changed.
  if (before.identity.identity_hash !== after.identity.identity_hash && oldAgent !== null) {
    if (agent !== undefined && agent !== oldAgent) add('agent_version', oldAgent, agent);
  }
  compareSets(before.identity.all_macs, after.identity.all_macs, (...c) => add('mac', ...c));
  for (const what of ['cpu_model', 'cpu_cores', 'cpu_threads', 'memory_bytes'] as const) {
    const was = before.hardware[what] ?? null;
    const is = after.hardware[what] ?? null;
    if (was !== null && was !== is) add(what, shown(was), shown(is));
  }
  for (const [what, of] of boardParts) {
    const [was, is] = [of(before.hardware) ?? null, of(after.hardware) ?? null];
    if (was !== null && was !== is) add(what, was, is);
  }
  for (const [what, list, names] of partLists) {
    if (isSameList(before.hardware[list], after.hardware[list])) continue;
    compareSets(names(before.hardware), names(after.hardware), (...c) => add(what, ...c));
  }
  const [was, is] = [existingOs(before)?.name ?? null, existingOs(after)?.name ?? null];
  if (was !== null && was !== is) add('existing_os', was, is);
  return changes;
}

type Shown = MachineChange['before'];

/** The fields that distinguish a replaced board from an updated one. */
const boardParts: readonly (readonly [string, (h: HardwareInfo) => string | null | undefined])[] = [
  ['product', ({ system }) => system?.product],
  ['system_serial', ({ system }) => system?.serial],
  ['board_serial', ({ board }) => board?.serial],
  ['chassis_serial', ({ chassis }) => chassis?.serial],
  ['firmware', ({ firmware }) => firmware?.version],
];

/** The parts that come and go, and the names that they are told apart by. */
const partLists = [
  ['dimm', 'dimms', dimmNames],
  ['disk', 'disks', diskNames],
  ['gpu', 'gpus', gpuNames],
] as const;

/** Beyond 2^53 a number is shown by its digits. */
function shown(value: Shown | bigint): Shown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** True if the same things are in both: then nobody need look at their names. */
function isSameList(before: readonly unknown[] = [], after: readonly unknown[] = []): boolean {
  return before.length === after.length && before.every((item, i) => item === after[i]);
}

function compareSets(
  before: readonly string[],
  after: readonly string[],
  differs: (gone: string | null, added: string | null) => void,
): void {
  if (before.length === 0 || isSameList(before, after)) return;
  const [old, now] = [new Set(before), new Set(after)];
  for (const item of old) if (!now.has(item)) differs(item, null);
  for (const item of now) if (!old.has(item)) differs(null, item);
}

/** Disks by model and serial; by the device's name only where the serial is not known. */
function diskNames({ disks }: HardwareInfo): string[] {
  return disks.map(({ device, model, serial, size_bytes }) =>
    [serial === null ? device : null, model, serial, `${size_bytes} bytes`]
      .filter((part) => part !== null)
      .join(' '),
  );
}

/** Memory modules by slot, with what sits in it. */
function dimmNames({ dimms = [] }: HardwareInfo): string[] {
  return dimms.map(({ locator, serial, size_bytes }) =>
    [locator, serial, `${size_bytes} bytes`].filter(Boolean).join(' '),
  );
}

/** GPUs by name, the second of one name as "name #2": older agents told no address. */
function gpuNames({ gpus = [] }: HardwareInfo): string[] {
  const byName = Map.groupBy(gpus, ({ name }) => name);
  return [...byName].flatMap(([name, same]) =>
    same.map((_, i) => (i === 0 ? name : `${name} #${i + 1}`)),
  );
}
