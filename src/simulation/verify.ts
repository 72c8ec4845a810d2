// Compares a server's records with what a fleet knows to be true.
import { Client, type ClientOptions } from '../client/client.ts';
import type { MachineView } from '../model/api/machines.ts';
import type { SimulatedMachine } from './machine.ts';

/** All machines of a server. Errors: as those of the client's calls. */
export async function fetchRecords(
  server: string,
  token: string | undefined,
  options: Pick<ClientOptions, 'ca'> = {},
): Promise<MachineView[]> {
  const client = new Client(server, { ...options, token });
  try {
    return await client.machines.list().toArray();
  } finally {
    await client.close();
  }
}

/** Reads one record, so that a server that is not there or does not take the token is told at once.
 *  Errors: as those of the client's calls. */
export async function requireServer(server: string, token: string | undefined): Promise<void> {
  const client = new Client(server, { token });
  try {
    await client.machines.list({ pageSize: 1 })[Symbol.asyncIterator]().next();
  } finally {
    await client.close();
  }
}

/** The differences, in sentences; none if every machine has exactly one record, which describes it, and no
 *  other record claims one of its MACs. */
export function differences(
  machines: readonly SimulatedMachine[],
  records: readonly MachineView[],
): string[] {
  const byId = new Map(records.map((record) => [record.id, record]));
  const owners = new Map<string, SimulatedMachine>();
  const found: string[] = [];
  for (const machine of machines) {
    const record = byId.get(machine.id ?? '');
    if (record === undefined) {
      found.push(`${machine.name} has no record (id ${machine.id ?? 'never given'})`);
      continue;
    }
    const other = owners.get(record.id);
    if (other !== undefined) found.push(`${machine.name} and ${other.name} share ${record.id}`);
    owners.set(record.id, machine);
    found.push(...fieldDifferences(machine, record));
  }
  return [...found, ...strayRecords(machines, records, owners)];
}

function fieldDifferences(machine: SimulatedMachine, record: MachineView): string[] {
  const { identity, hardware } = machine;
  const pairs: [string, unknown, unknown][] = [
    ['primary_mac', identity.primary_mac, record.identity.primary_mac],
    ['all_macs', identity.all_macs.toSorted(), record.identity.all_macs.toSorted()],
    ['smbios_uuid', identity.smbios_uuid, record.identity.smbios_uuid],
    ['machine_id', identity.machine_id, record.identity.machine_id],
    ['identity_hash', identity.identity_hash, record.identity.identity_hash],
    ['cpu_model', hardware.cpu_model, record.hardware.cpu_model],
    ['memory_bytes', hardware.memory_bytes, record.hardware.memory_bytes],
    ['disks', hardware.disks?.map((d) => d.serial), record.hardware.disks.map((d) => d.serial)],
  ];
  return pairs
    .map(([field, is, says]) => [field, JSON.stringify(is), JSON.stringify(says)])
    .filter(([, is, says]) => is !== says)
    .map(([field, is, says]) => `${machine.name}: ${field} is ${is}, its record says ${says}`);
}

/** Records of no machine that have a MAC of one: somebody was registered twice. */
function strayRecords(
  machines: readonly SimulatedMachine[],
  records: readonly MachineView[],
  owners: ReadonlyMap<string, SimulatedMachine>,
): string[] {
  const macs = new Map(machines.flatMap((m) => m.identity.all_macs.map((mac) => [mac, m.name])));
  return records
    .filter((record) => !owners.has(record.id))
    .flatMap((record) => {
      const mac = record.identity.all_macs.find((m) => macs.has(m));
      return mac === undefined
        ? []
        : [`record ${record.id} has ${mac} of ${macs.get(mac) ?? ''} as well`];
    });
}
