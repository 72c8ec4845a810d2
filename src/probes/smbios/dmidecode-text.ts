// The output of `dmidecode`, parsed: the fallback where the kernel gives no raw tables.
import { clean } from '../reading.ts';
import { parseVersionLine } from './entry-point.ts';
import {
  nonVolatileType,
  noTables,
  type Firmware,
  type MemoryArray,
  type MemoryDevice,
  type SmbiosTables,
} from './tables.ts';

/** One structure as dmidecode prints it. */
interface TextRecord {
  title: string;
  fields: Map<string, string>;
  /** Lines without a colon: lists of characteristics. */
  flags: Set<string>;
}

/** Never throws; anything it does not understand is left out. Reads the layout of dmidecode 2.7 and
 *  later, and the older one with an indented title. */
export function parseDmidecode(text: string): SmbiosTables {
  const tables: SmbiosTables = { ...noTables(), version: parseVersionLine(text) };
  for (const record of records(text)) add(tables, record);
  return tables;
}

const titles = new Set([
  'BIOS Information',
  'System Information',
  'Base Board Information',
  'Chassis Information',
  'Processor Information',
  'Physical Memory Array',
  'Memory Device',
  'IPMI Device Information',
  'Onboard Device',
  'Management Controller Host Interface',
]);

function* records(text: string): Generator<TextRecord> {
  let current: TextRecord | undefined;
  for (const line of text.split('\n')) {
    const content = line.trim();
    const starts = titles.has(content);
    if (starts || content.startsWith('Handle 0x') || (line !== '' && !/^\s/.test(line))) {
      if (current) yield current;
      current = starts ? { title: content, fields: new Map(), flags: new Set() } : undefined;
    } else if (current && content !== '') addLine(current, content);
  }
  if (current) yield current;
}

/** The first field of a name wins: later ones belong to a sub-record. */
function addLine(record: TextRecord, content: string): void {
  const colon = content.indexOf(':');
  if (colon === -1) {
    record.flags.add(content);
    return;
  }
  const key = content.slice(0, colon);
  if (!record.fields.has(key)) record.fields.set(key, clean(content.slice(colon + 1)));
}

function add(tables: SmbiosTables, record: TextRecord): void {
  const get = (key: string): string | null => given(record.fields.get(key));
  switch (record.title) {
    case 'BIOS Information':
      tables.firmware ??= firmware(record);
      break;
    case 'System Information':
      tables.system ??= {
        vendor: get('Manufacturer') ?? get('Vendor'),
        product: get('Product Name') ?? get('Product'),
        version: get('Version'),
        serial: get('Serial Number'),
        uuid: record.fields.get('UUID')?.toLowerCase() ?? null,
        sku: get('SKU Number'),
        family: get('Family'),
      };
      break;
    case 'Base Board Information':
      tables.boards.push({
        vendor: get('Manufacturer'),
        product: get('Product Name'),
        version: get('Version'),
        serial: get('Serial Number'),
        assetTag: get('Asset Tag'),
      });
      break;
    case 'Chassis Information':
      tables.chassis ??= {
        vendor: get('Manufacturer'),
        serial: get('Serial Number'),
        assetTag: get('Asset Tag'),
      };
      break;
    case 'Processor Information':
      tables.processors.push({
        version: get('Version'),
        isPopulated: !record.fields.get('Status')?.startsWith('Unpopulated'),
      });
      break;
    case 'Physical Memory Array':
      if (get('Use') === 'System Memory') tables.memoryArrays.push(memoryArray(record));
      break;
    case 'Memory Device':
      tables.memoryDevices.push(memoryDevice(record));
      break;
    case 'IPMI Device Information':
      tables.ipmi ??= { interfaceType: get('Interface Type')?.split(' ')[0] ?? null };
      break;
    case 'Onboard Device':
      tables.onboardDevices.push({
        name: get('Reference Designation'),
        kind: get('Type'),
        pciAddress: get('Bus Address'),
      });
      break;
    case 'Management Controller Host Interface':
      tables.hasHostInterface ||= isRedfish(record);
      tables.redfishAddress ??= redfishAddress(record);
      break;
    default:
  }
}

/** dmidecode's words for "no string here". */
const absent = new Set(['', 'Not Specified', '<BAD INDEX>', 'Not Provided', '<OUT OF SPEC>']);

function given(value: string | undefined): string | null {
  return value === undefined || absent.has(value) ? null : value;
}

function firmware({ fields, flags }: TextRecord): Firmware {
  const hasFlags = flags.size > 0;
  return {
    vendor: given(fields.get('Vendor')),
    version: given(fields.get('Version')),
    date: given(fields.get('Release Date')),
    isVirtualMachine: hasFlags ? flags.has('System is a virtual machine') : undefined,
    isUefi: hasFlags ? flags.has('UEFI is supported') : undefined,
  };
}

function memoryArray({ fields }: TextRecord): MemoryArray {
  const slots = /^\d{1,5}$/.exec(fields.get('Number Of Devices') ?? '')?.[0];
  const correction = given(fields.get('Error Correction Type'));
  return {
    slots: Number(slots ?? 0),
    maxBytes: parseSize(fields.get('Maximum Capacity') ?? ''),
    errorCorrection: correction === 'Unknown' || correction === 'Other' ? null : correction,
  };
}

function memoryDevice({ fields }: TextRecord): MemoryDevice {
  const type = given(fields.get('Type'));
  const speed = /^(\d{1,9}) (MHz|MT\/s)/.exec(fields.get('Speed') ?? '');
  return {
    locator: given(fields.get('Locator')),
    sizeBytes: memorySize(fields.get('Size') ?? ''),
    type: type === 'Unknown' || type === 'Other' ? null : type,
    isPersistent:
      type === nonVolatileType ||
      /persistent|nvdimm/i.test(fields.get('Memory Technology') ?? '') ||
      (parseSize(fields.get('Non-Volatile Size') ?? '') ?? 0) > 0,
    volatileBytes: parseSize(fields.get('Volatile Size') ?? ''),
    speedMts: speed ? Number(speed[1]) : undefined,
    manufacturer: given(fields.get('Manufacturer')),
    serial: given(fields.get('Serial Number')),
    partNumber: given(fields.get('Part Number')),
  };
}

function memorySize(text: string): number | undefined {
  return /^(No Module Installed|Not Installed|Not Specified)/i.test(text) ? 0 : parseSize(text);
}

/** "16384 MB", "16 GB", "512 kB". Units: bytes. */
function parseSize(text: string): number | undefined {
  const match = /^(\d{1,12}) (bytes|kB|MB|GB|TB)/.exec(text);
  const power = ['bytes', 'kB', 'MB', 'GB', 'TB'].indexOf(match?.[2] ?? '');
  return match ? Number(match[1]) * 1024 ** power : undefined;
}

function isRedfish({ fields }: TextRecord): boolean {
  return fields.get('Protocol ID')?.includes('Redfish') === true;
}

function redfishAddress(record: TextRecord): string | undefined {
  if (!isRedfish(record)) return undefined;
  const { fields } = record;
  const address =
    fields.get('IPv4 Redfish Service Address') ?? fields.get('IPv6 Redfish Service Address');
  return address === '0.0.0.0' || address === '::' ? undefined : address;
}
