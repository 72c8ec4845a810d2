// Reads the SMBIOS tables of a host: raw from the kernel, else as dmidecode prints them.
import type { Reading } from '../reading.ts';
import { decodeTables } from './decode.ts';
import { parseDmidecode } from './dmidecode-text.ts';
import { parseEntryPoint } from './entry-point.ts';
import type { SmbiosTables } from './tables.ts';

const rawTable = '/sys/firmware/dmi/tables/DMI';
const rawEntryPoint = '/sys/firmware/dmi/tables/smbios_entry_point';

export interface SmbiosSource {
  tables: SmbiosTables;
  /** The path or command that they were read from. */
  source: string;
}

/** The tables; null if the host has none, undefined if they cannot be read.
 *  Source: /sys/firmware/dmi/tables (kernel ≥ 4.2), else the output of `dmidecode`. */
export async function readSmbios(read: Reading): Promise<SmbiosSource | null | undefined> {
  const [entry, table] = await Promise.all([read.bytes(rawEntryPoint), read.bytes(rawTable)]);
  if (table?.length) return decodeRaw(read, entry, table);
  // A user who may not read the tables may not read dmidecode's sources either.
  if (read.refused(rawTable)) return undefined;
  if (await hasNoDmi(read)) return null;
  const text = await read.exec('dmidecode');
  if (text === undefined) return undefined;
  return text.trim() === '' ? null : { tables: parseDmidecode(text), source: 'dmidecode' };
}

function decodeRaw(read: Reading, entry: Uint8Array | undefined, table: Uint8Array): SmbiosSource {
  const stated = entry?.length ? parseEntryPoint(entry) : undefined;
  if (entry?.length && !stated) {
    read.problem('read.malformed', rawEntryPoint, `${rawEntryPoint} is not an SMBIOS entry point`);
  }
  const { tables, complete } = decodeTables(table, stated?.version, stated?.count);
  if (!complete) {
    read.problem('read.malformed', rawTable, `${rawTable} is cut short or garbled`);
  }
  return { tables, source: rawTable };
}

/** True if the kernel looked for DMI and found none, so that dmidecode need not look again. */
async function hasNoDmi(read: Reading): Promise<boolean> {
  const [firmware, dmiClass] = await Promise.all([
    read.list('/sys/firmware'),
    read.list('/sys/class/dmi'),
  ]);
  if (firmware === undefined || dmiClass === undefined) return false;
  return firmware.length > 0 && !firmware.includes('dmi') && dmiClass.length === 0;
}
