// The raw SMBIOS table, decoded. Offsets are those of the SMBIOS specification (DSP0134) 7.1 to 7.43.
import { swapUuidBytes, uuidOfBytes } from '../../identity/uuid.ts';
import { clean } from '../reading.ts';
import { hasLittleEndianUuid, type SmbiosVersion } from './entry-point.ts';
import { parseStructures, type Structure } from './structures.ts';
import {
  nonVolatileType,
  noTables,
  type Firmware,
  type MemoryArray,
  type MemoryDevice,
  type OnboardDevice,
  type SmbiosTables,
} from './tables.ts';

/** Decodes /sys/firmware/dmi/tables/DMI. `complete` is false if the table is cut or garbled; everything
 *  before the fault is still returned. */
export function decodeTables(
  table: Uint8Array,
  version: SmbiosVersion | undefined,
  count?: number,
): { tables: SmbiosTables; complete: boolean } {
  const { structures, complete } = parseStructures(table, count);
  const tables: SmbiosTables = { ...noTables(), version };
  for (const structure of structures) add(tables, structure);
  return { tables, complete };
}

function add(tables: SmbiosTables, s: Structure): void {
  switch (s.type) {
    case 0:
      tables.firmware ??= decodeFirmware(s);
      break;
    case 1:
      tables.system ??= {
        vendor: text(s, 0x04),
        product: text(s, 0x05),
        version: text(s, 0x06),
        serial: text(s, 0x07),
        uuid: formatUuid(s.bytes(0x08, 16), hasLittleEndianUuid(tables.version)),
        sku: text(s, 0x19),
        family: text(s, 0x1a),
      };
      break;
    case 2:
      tables.boards.push({
        vendor: text(s, 0x04),
        product: text(s, 0x05),
        version: text(s, 0x06),
        serial: text(s, 0x07),
        assetTag: text(s, 0x08),
      });
      break;
    case 3:
      tables.chassis ??= {
        vendor: text(s, 0x04),
        serial: text(s, 0x07),
        assetTag: text(s, 0x08),
      };
      break;
    case 4:
      tables.processors.push({
        version: text(s, 0x10),
        isPopulated: ((s.byte(0x18) ?? 0x40) & 0x40) !== 0,
      });
      break;
    case 16:
      if (s.byte(0x05) === systemMemory) tables.memoryArrays.push(decodeMemoryArray(s));
      break;
    case 17:
      tables.memoryDevices.push(decodeMemoryDevice(s));
      break;
    case 38:
      tables.ipmi ??= { interfaceType: ipmiInterfaces[s.byte(0x04) ?? 0] ?? null };
      break;
    case 41:
      tables.onboardDevices.push(decodeOnboardDevice(s));
      break;
    case 42:
      tables.hasHostInterface ||= redfishRecord(s) !== undefined;
      tables.redfishAddress ??= decodeRedfishAddress(s);
      break;
    default:
  }
}

function decodeFirmware(s: Structure): Firmware {
  // The second extension byte: bit 3 is UEFI, bit 4 a virtual machine.
  const extension = s.byte(0x13);
  return {
    vendor: text(s, 0x04),
    version: text(s, 0x05),
    date: text(s, 0x08),
    isUefi: extension === undefined ? undefined : (extension & 0x08) !== 0,
    isVirtualMachine: extension === undefined ? undefined : (extension & 0x10) !== 0,
  };
}

/** A string, cleaned; null if it is not given. */
function text(s: Structure, offset: number): string | null {
  return clean(s.string(offset) ?? '') || null;
}

/** In the byte order that dmidecode prints. */
function formatUuid(bytes: Uint8Array | undefined, littleEndian: boolean): string | null {
  if (bytes === undefined) return null;
  return uuidOfBytes(littleEndian ? swapUuidBytes(bytes) : bytes);
}

/** The use of a memory array (DSP0134 7.17.2). */
const systemMemory = 0x03;

function decodeMemoryArray(s: Structure): MemoryArray {
  const kibibytes = s.dword(0x07);
  const isExtended = kibibytes === 0x8000_0000;
  const bytes = isExtended ? Number(s.qword(0x0f) ?? 0n) : (kibibytes ?? 0) * 1024;
  return {
    slots: s.word(0x0d) ?? 0,
    maxBytes: bytes > 0 ? bytes : undefined,
    errorCorrection: errorCorrections[s.byte(0x06) ?? 0] ?? null,
  };
}

function decodeMemoryDevice(s: Structure): MemoryDevice {
  const technology = s.byte(0x28) ?? 0;
  const nonVolatile = s.qword(0x34) ?? 0n;
  const type = memoryTypes[s.byte(0x12) ?? 0] ?? null;
  return {
    locator: text(s, 0x10),
    sizeBytes: memorySize(s),
    type,
    isPersistent:
      type === nonVolatileType ||
      (technology >= 0x04 && technology <= 0x07) ||
      (nonVolatile > 0n && nonVolatile < unknownSize),
    volatileBytes: knownSize(s.qword(0x3c)),
    speedMts: memorySpeed(s),
    manufacturer: text(s, 0x17),
    serial: text(s, 0x18),
    partNumber: text(s, 0x1a),
  };
}

const unknownSize = 0xffff_ffff_ffff_ffffn;

function knownSize(bytes: bigint | undefined): number | undefined {
  return bytes === undefined || bytes === unknownSize ? undefined : Number(bytes);
}

/** Units: bytes. 0 = empty slot, undefined = unknown. */
function memorySize(s: Structure): number | undefined {
  const size = s.word(0x0c);
  if (size === undefined || size === 0xffff) return undefined;
  // Tables before version 2.7 have no extended size.
  if (size === 0x7fff) return ((s.dword(0x1c) ?? size) & 0x7fff_ffff) * 1024 ** 2;
  return size & 0x8000 ? (size & 0x7fff) * 1024 : size * 1024 ** 2;
}

function memorySpeed(s: Structure): number | undefined {
  const speed = s.word(0x15);
  if (speed === 0xffff) return (s.dword(0x54) ?? 0) & 0x7fff_ffff || undefined;
  return speed === 0 ? undefined : speed;
}

function decodeOnboardDevice(s: Structure): OnboardDevice {
  const kind = onboardKinds[(s.byte(0x05) ?? 0) & 0x7f] ?? null;
  const [segment, bus, devfn] = [s.word(0x07), s.byte(0x09), s.byte(0x0a)];
  const name = text(s, 0x04);
  if (segment === undefined || bus === undefined || devfn === undefined || segment === 0xffff) {
    return { name, kind, pciAddress: null };
  }
  const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0');
  const address = `${hex(segment, 4)}:${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}`;
  return { name, kind, pciAddress: address };
}

/** The service address of the first Redfish-over-IP protocol record.
 *  Source: DSP0134 7.43 and DSP0270 (Redfish Host Interface) 6. */
function decodeRedfishAddress(s: Structure): string | undefined {
  const record = redfishRecord(s);
  return record === undefined ? undefined : serviceAddress(s, record);
}

/** The offset of the record of Redfish over IP; undefined where the structure has none. */
function redfishRecord(s: Structure): number | undefined {
  const networkHostInterface = 0x40;
  if (s.byte(0x04) !== networkHostInterface) return undefined;
  const count = s.byte(0x06 + (s.byte(0x05) ?? 0)) ?? 0;
  let at = 0x07 + (s.byte(0x05) ?? 0);
  for (let i = 0; i < count; i++) {
    const redfishOverIp = 0x04;
    if (s.byte(at) === redfishOverIp) return at + 2;
    at += 2 + (s.byte(at + 1) ?? 0);
  }
  return undefined;
}

function serviceAddress(s: Structure, record: number): string | undefined {
  const ipv4 = 1;
  // Service UUID 16, assignment 1, format 1, host address 16, mask 16, discovery 1, format, address.
  if (s.byte(record + 51) !== ipv4) return undefined;
  const address = s.bytes(record + 52, 4)?.join('.');
  return address === '0.0.0.0' ? undefined : address;
}

/** Source: DSP0134 7.17.3. */
const errorCorrections: Record<number, string> = {
  3: 'None',
  4: 'Parity',
  5: 'Single-bit ECC',
  6: 'Multi-bit ECC',
  7: 'CRC',
};

/** Source: DSP0134 7.18.2. */
const memoryTypes: Record<number, string> = {
  0x03: 'DRAM',
  0x04: 'EDRAM',
  0x05: 'VRAM',
  0x06: 'SRAM',
  0x07: 'RAM',
  0x08: 'ROM',
  0x09: 'Flash',
  0x0a: 'EEPROM',
  0x0b: 'FEPROM',
  0x0c: 'EPROM',
  0x0d: 'CDRAM',
  0x0e: '3DRAM',
  0x0f: 'SDRAM',
  0x10: 'SGRAM',
  0x11: 'RDRAM',
  0x12: 'DDR',
  0x13: 'DDR2',
  0x14: 'DDR2 FB-DIMM',
  0x18: 'DDR3',
  0x19: 'FBD2',
  0x1a: 'DDR4',
  0x1b: 'LPDDR',
  0x1c: 'LPDDR2',
  0x1d: 'LPDDR3',
  0x1e: 'LPDDR4',
  0x1f: nonVolatileType,
  0x20: 'HBM',
  0x21: 'HBM2',
  0x22: 'DDR5',
  0x23: 'LPDDR5',
  0x24: 'HBM3',
};

/** Source: DSP0134 7.39.1. */
const ipmiInterfaces: Record<number, string> = { 1: 'KCS', 2: 'SMIC', 3: 'BT', 4: 'SSIF' };

/** Source: DSP0134 7.42.2. */
const onboardKinds: Record<number, string> = {
  3: 'Video',
  4: 'SCSI Controller',
  5: 'Ethernet',
  6: 'Token Ring',
  7: 'Sound',
  8: 'PATA Controller',
  9: 'SATA Controller',
  10: 'SAS Controller',
  11: 'Wireless LAN',
  12: 'Bluetooth',
  13: 'WWAN',
  14: 'eMMC',
  15: 'NVMe Controller',
  16: 'UFS Controller',
};
