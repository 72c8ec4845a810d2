// Weighs what a check-in shows against a machine: what agrees, what contradicts, what has changed. Pure.
import type { Machine } from '../model/machine.ts';
import type { Evidence } from './evidence.ts';
import { uuidPlaceholder } from './placeholders.ts';

/** Whether something besides the primary MAC is the machine's: its SMBIOS UUID, another port, or its
 *  installation. */
export function agreesBeyondPrimaryMac(shown: Evidence, machine: Machine): boolean {
  const { smbios_uuid: uuid, all_macs: known } = machine.identity;
  return (
    isSame(shown.smbiosUuid, uuid?.toLowerCase()) ||
    (shown.macs ?? []).some((mac) => mac !== shown.primaryMac && known.includes(mac)) ||
    isSameInstallation(shown, machine)
  );
}

export function isSameInstallation({ machineId }: Evidence, { identity }: Machine): boolean {
  return isSame(machineId, identity.machine_id);
}

function isSame(shown: string | null, known: string | null | undefined): boolean {
  return shown !== null && shown === known;
}

/** What contradicts that the check-in comes from this machine, as endings of "it …". `sharedUuids`: SMBIOS
 *  UUIDs that several machines have. */
export function contradictions(
  shown: Evidence,
  machine: Machine,
  sharedUuids: ReadonlySet<string>,
): string[] {
  const uuid = machine.identity.smbios_uuid?.toLowerCase() ?? '';
  const against: string[] = [];
  const differs = shown.smbiosUuid !== null && shown.smbiosUuid !== uuid;
  if (differs && uuidPlaceholder(uuid) === undefined && !sharedUuids.has(uuid)) {
    against.push(`has SMBIOS UUID ${uuid}, not ${shown.smbiosUuid}`);
  }
  if (goesOnInEarlierBoot(shown, machine)) against.push(twoBoots(shown, machine));
  return against;
}

/** Whether a boot goes on that was followed by another boot: a machine has one at a time, so two
 *  machines answer to this record. A late repeat of a request is no such sign. */
export function goesOnInEarlierBoot(shown: Evidence, machine: Machine): boolean {
  const { bootId, sequence } = shown;
  const earlier = machine.report?.earlier_boots ?? [];
  const boot = earlier.find((b) => b.boot_id === bootId);
  return boot !== undefined && sequence !== null && sequence > (boot.sequence ?? 0);
}

/** Whether two machines took turns on one network adapter (a dock's): another board, other ports and
 *  another installation. A board that was replaced keeps its disk or its add-in cards. */
export function nothingElseAgrees(shown: Evidence, machine: Machine): boolean {
  const { identity } = machine;
  const otherBoard =
    shown.smbiosUuid !== null &&
    uuidPlaceholder(identity.smbios_uuid ?? '') === undefined &&
    identity.smbios_uuid?.toLowerCase() !== shown.smbiosUuid;
  const ports = (shown.macs ?? []).filter((mac) => mac !== shown.primaryMac);
  const knownPorts = identity.all_macs.filter((mac) => mac !== shown.primaryMac);
  const otherPorts =
    ports.length > 0 && knownPorts.length > 0 && !ports.some((mac) => knownPorts.includes(mac));
  return otherBoard && otherPorts && !isSameInstallation(shown, machine);
}

export function twoBoots(shown: Evidence, machine: Machine): string {
  const current = machine.report?.boot_id ?? '';
  return `is in boot ${current}, while the check-in comes from boot ${shown.bootId ?? ''}, which is still running`;
}

/** What the machine had changed since, in sentences. */
export function differences(shown: Evidence, machine: Machine): string[] {
  const { smbios_uuid: uuid, machine_id: id, all_macs: macs } = machine.identity;
  const said: string[] = [];
  if (shown.smbiosUuid !== null && uuid !== null && shown.smbiosUuid !== uuid) {
    said.push(`Its SMBIOS UUID was ${uuid} and is ${shown.smbiosUuid} now.`);
  }
  if (shown.machineId !== null && id !== null && shown.machineId !== id) {
    said.push('The machine-id changed: the OS was reinstalled.');
  }
  const gone = shown.macs === undefined ? [] : macs.filter((mac) => !shown.macs?.includes(mac));
  const added = (shown.macs ?? []).filter((mac) => !macs.includes(mac));
  if (gone.length > 0) said.push(`These MACs are gone: ${gone.join(', ')}.`);
  if (added.length > 0) said.push(`These MACs are new: ${added.join(', ')}.`);
  return said;
}
