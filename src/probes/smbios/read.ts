// Gets the SMBIOS tables of a host: raw from the kernel, else as dmidecode prints them.
import type { Reading } from '../reading.ts';
import { decodeTables } from './decode.ts';
import { parseDmidecode } from './dmidecode-text.ts';
import { parseEntryPoint } from './entry-point.ts';
import type { SmbiosTables } from './tables.ts';

const rawTable = '/sys/firmware/dmi/tables/DMI';
const rawEntryPoint = '/sys/firmware/dmi/tables/smbios_entry_point';

/** The tables and where they were read; undefined when the host has none or does not give them.
 *  Source: /sys/firmware/dmi/tables (kernel ≥ 4.2), else the output of `dmidecode`. */
export async function readSmbios(
  read: Reading,
): Promise<{ tables: SmbiosTables; source: string } | undefined> {
  const [entry, table] = await Promise.all([read.attempt(rawEntryPoint), read.attempt(rawTable)]);
  if (table.content !== undefined) {
    const version = entry.content && parseEntryPoint(entry.content);
    if (entry.content && !version) {
      read.problem('read.malformed', rawEntryPoint, `${rawEntryPoint} is no SMBIOS entry point`);
    }
    const { tables, complete } = decodeTables(table.content, version);
    if (!complete) {
      read.problem('read.malformed', rawTable, `${rawTable} is cut short or garbled`);
    }
    return { tables, source: rawTable };
  }
  // Whoever may not read the tables may not read what dmidecode reads either.
  if (table.isRefused) return undefined;
  const text = await read.exec('dmidecode');
  return text === undefined || text.trim() === ''
    ? undefined
    : { tables: parseDmidecode(text), source: 'dmidecode' };
}
