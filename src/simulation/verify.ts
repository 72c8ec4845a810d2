// Whether a server's records are what a fleet knows to be true.
import { systemClock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { openConnections } from '../transport/connections.ts';
import type { SimulatedMachine } from './machine.ts';

/** The parts of a stored Machine that a fleet knows. */
export interface RecordOfMachine {
  readonly id: string;
  readonly identity: {
    readonly primary_mac: string;
    readonly all_macs: readonly string[];
    readonly smbios_uuid: string | null;
    readonly machine_id: string | null;
    readonly identity_hash: string;
  };
  readonly hardware: {
    readonly cpu_model: string | null;
    readonly memory_bytes: number | null;
    readonly disks: readonly { readonly device: string; readonly serial: string | null }[];
  };
}

/** All records of a server, over its operators' API.
 *  Errors: AppError `server.rejected`, and those of a connection. */
export async function fetchRecords(
  server: string,
  token: string | undefined,
): Promise<RecordOfMachine[]> {
  const records: RecordOfMachine[] = [];
  const base = new URL('api/machines', server.endsWith('/') ? server : `${server}/`);
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const { signal } = new AbortController();
  const connections = await openConnections(base.origin, { clock: systemClock, maxAnswerBytes });
  try {
    for (let cursor: string | null = ''; cursor !== null;) {
      const url: URL = new URL(base);
      url.search = new URLSearchParams(cursor === '' ? { limit } : { limit, cursor }).toString();
      const { status, text } = await connections.request({
        method: 'GET',
        url,
        headers,
        signal,
        isRepeatable: true,
      });
      if (status !== 200) {
        throw new AppError(
          'server.rejected',
          `${url.origin} answered ${status} to ${url.pathname}`,
        );
      }
      // The list of the documented API; a server that breaks it fails the comparison.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const page = JSON.parse(text) as { machines: RecordOfMachine[]; next_cursor: string | null };
      records.push(...page.machines);
      cursor = page.next_cursor;
    }
  } finally {
    connections.destroy();
  }
  return records;
}

const limit = '200';
const maxAnswerBytes = 64 * 1024 * 1024;

/** What differs, in sentences; nothing when every machine has one record, its own, that says what the
 *  machine is, and no other record claims one of its MACs. */
export function differences(
  machines: readonly SimulatedMachine[],
  records: readonly RecordOfMachine[],
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

function fieldDifferences(machine: SimulatedMachine, record: RecordOfMachine): string[] {
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
  records: readonly RecordOfMachine[],
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
