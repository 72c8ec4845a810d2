// A check-in beside the last one of a machine: its installation, its boots, and what has changed. Pure.
import type { Machine } from '../../model/machine.ts';
import type { Evidence } from '../evidence.ts';

/** True if both have the same machine-id. */
export function isSameInstallation({ machineId }: Evidence, { identity }: Machine): boolean {
  return machineId !== null && machineId === identity.machine_id;
}

/** True if a boot goes on after a later boot was heard. A machine has one boot at a time, so two machines
 *  answer to this record. A late repeat of a request is not such a sign. */
export function goesOnInEarlierBoot(shown: Evidence, machine: Machine): boolean {
  const { bootId, sequence } = shown;
  const earlier = machine.report?.earlier_boots ?? [];
  const boot = earlier.find((b) => b.boot_id === bootId);
  return boot !== undefined && sequence !== null && sequence > (boot.sequence ?? 0);
}

export function twoBoots(shown: Evidence, machine: Machine): string {
  const current = machine.report?.boot_id ?? '';
  return `is in boot ${current}, while the check-in comes from boot ${shown.bootId ?? ''}, which is still running`;
}

/** The changes of the machine since its last check-in, in sentences. */
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
