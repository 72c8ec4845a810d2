// The fields of a machine's record that may be null and are not there at all: to Dragonfly's types, and to whoever
// writes a record by hand, both say the same. No schema library is loaded here.
import type { HardwareInfo, Machine } from './machine.ts';

/** The machine with null in the place of every such field; the same one where none is missing.
 *  Errors: TypeError for a record without a part that every machine has. */
export function withNulls(machine: Machine): Machine {
  const { identity, status, hardware, config } = machine;
  const parts = {
    identity: filled(identity, ['smbios_uuid', 'machine_id']),
    status: filled(status, ['last_seen', 'current_workflow', 'last_workflow_result']),
    hardware: withNullsInLists(
      filled(hardware, ['cpu_model', 'cpu_cores', 'memory_bytes', 'virt_platform']),
    ),
    config: filled(config, ['hostname', 'os_choice', 'bmc']),
  };
  const isWhole =
    parts.identity === identity &&
    parts.status === status &&
    parts.hardware === hardware &&
    parts.config === config;
  return isWhole ? machine : { ...machine, ...parts };
}

function withNullsInLists(hardware: HardwareInfo): HardwareInfo {
  const disks = filledList(hardware.disks, ['model', 'serial']);
  const network_interfaces = filledList(hardware.network_interfaces, ['speed_mbps']);
  const isWhole = disks === hardware.disks && network_interfaces === hardware.network_interfaces;
  return isWhole ? hardware : { ...hardware, disks, network_interfaces };
}

function filledList<T extends object>(list: T[], names: readonly (keyof T)[]): T[] {
  return list.every((item) => isFull(item, names)) ? list : list.map((item) => filled(item, names));
}

function filled<T extends object>(part: T, names: readonly (keyof T)[]): T {
  if (isFull(part, names)) return part;
  const missing = names.filter((name) => part[name] === undefined);
  return { ...part, ...Object.fromEntries(missing.map((name) => [name, null])) };
}

function isFull<T extends object>(part: T, names: readonly (keyof T)[]): boolean {
  return names.every((name) => part[name] !== undefined);
}
