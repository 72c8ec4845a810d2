// Gets the SMBIOS tables of a host: raw from the kernel, else as dmidecode prints them.
import type { Reading } from '../reading.ts';
import { decodeTables } from './decode.ts';
import { parseDmidecode } from './dmidecode-text.ts';
import { parseEntryPoint } from './entry-point.ts';
import type { SmbiosTables } from './tables.ts';

const rawTable = '/sys/firmware/dmi/tables/DMI';
const rawEntryPoint = '/sys/firmware/dmi/tables/smbios_entry_point';

export interface SmbiosSource {
  tables: SmbiosTables;
  /** Where they were read. */
  source: string;
}

/** The tables; undefined when the host has none or does not give them.
 *  Source: /sys/firmware/dmi/tables (kernel ≥ 4.2), else the output of `dmidecode`. */
export async function readSmbios(read: Reading): Promise<SmbiosSource | undefined> {
  const [entry, table] = await Promise.all([read.attempt(rawEntryPoint), read.attempt(rawTable)]);
  if (table.content !== undefined) return decodeRaw(read, entry.content, table.content);
  // Whoever may not read the tables may not read what dmidecode reads either.
  if (table.isRefused || (await hasNoDmi(read))) return undefined;
  const text = await read.exec('dmidecode');
  return text === undefined || text.trim() === ''
    ? undefined
    : { tables: parseDmidecode(text), source: 'dmidecode' };
}

function decodeRaw(read: Reading, entry: Uint8Array | undefined, table: Uint8Array): SmbiosSource {
  const version = entry && parseEntryPoint(entry);
  if (entry && !version) {
    read.problem('read.malformed', rawEntryPoint, `${rawEntryPoint} is no SMBIOS entry point`);
  }
  const { tables, complete } = decodeTables(table, version);
  if (!complete) {
    read.problem('read.malformed', rawTable, `${rawTable} is cut short or garbled`);
  }
  return { tables, source: rawTable };
}

/** Whether the kernel looked for DMI and found none: then dmidecode need not look again. */
async function hasNoDmi(read: Reading): Promise<boolean> {
  const [firmware, dmiClass] = await Promise.all([
    read.list('/sys/firmware'),
    read.list('/sys/class/dmi'),
  ]);
  return firmware.length > 0 && !firmware.includes('dmi') && dmiClass.length === 0;
}
