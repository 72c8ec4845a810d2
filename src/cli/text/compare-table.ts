// Compares two inventories of one host: our probes' and systeminformation's.
import type { Inventory } from '../../model/inventory.ts';
import { columns } from './table.ts';

type Field = readonly [name: string, value: string | null];

/** The table's text: each field with both values, "=" where they agree, "!=" where not. */
export function comparisonTable(ours: Inventory, theirs: Inventory): string {
  const [left, right] = [new Map(fieldsOf(ours)), new Map(fieldsOf(theirs))];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  const rows = names.map((name) => {
    const [a, b] = [left.get(name) ?? null, right.get(name) ?? null];
    return [name, a === b ? '=' : '!=', a ?? '-', b ?? '-'];
  });
  const same = rows.filter((row) => row[1] === '=').length;
  return [
    ...columns(['FIELD', '', 'DRAGONFLY', 'SYSTEMINFORMATION'], rows),
    '',
    `${same} of ${rows.length} fields agree`,
    '',
  ].join('\n');
}

function fieldsOf({ identity, hardware }: Inventory): Field[] {
  const { system, disks = [], network_interfaces: nics = [] } = hardware;
  const text = (value: string | number | boolean | null | undefined): string | null =>
    value === undefined || value === null ? null : String(value);
  return [
    ['vendor', text(system?.vendor)],
    ['product', text(system?.product)],
    ['serial', text(system?.serial)],
    ['smbios_uuid', identity.smbios_uuid],
    ['machine_id', identity.machine_id],
    ['cpu_model', hardware.cpu_model],
    ['cpu_sockets', text(hardware.cpu_sockets)],
    ['cpu_cores', text(hardware.cpu_cores)],
    ['cpu_threads', text(hardware.cpu_threads)],
    ['memory_bytes', text(hardware.memory_bytes)],
    ['is_virtual', text(hardware.is_virtual)],
    ['virt_platform', hardware.virt_platform],
    ...disks.flatMap((disk): Field[] => [
      [`${disk.device} size`, text(disk.size_bytes)],
      [`${disk.device} model`, disk.model],
      [`${disk.device} serial`, disk.serial],
    ]),
    ...nics.flatMap((nic): Field[] => [
      [`${nic.name} mac`, nic.mac],
      [`${nic.name} speed`, text(nic.speed_mbps)],
    ]),
  ];
}
