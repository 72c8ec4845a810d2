// The facts that this project takes from SMBIOS, in the shape that both decoders (raw table, dmidecode's
// text) return. Strings are the vendor's own, trimmed, placeholders included.
import type { SmbiosVersion } from './entry-point.ts';

export interface SmbiosTables {
  version: SmbiosVersion | undefined;
  firmware: Firmware | undefined;
  system: SystemInfo | undefined;
  boards: Board[];
  chassis: Chassis | undefined;
  processors: Processor[];
  memoryArrays: MemoryArray[];
  memoryDevices: MemoryDevice[];
  onboardDevices: OnboardDevice[];
  /** An IPMI controller is described (type 38). */
  ipmi: { interfaceType: string | null } | undefined;
  /** A Redfish host interface is described (type 42), with an address or without one yet. */
  hasHostInterface: boolean;
  /** The BMC's address on its own host, from a Redfish host interface (type 42). */
  redfishAddress: string | undefined;
}

/** Type 0. */
export interface Firmware {
  vendor: string | null;
  version: string | null;
  date: string | null;
  /** "SMBIOS table describes a virtual machine"; undefined if the version has no such bit. */
  isVirtualMachine: boolean | undefined;
  isUefi: boolean | undefined;
}

/** Type 1. */
interface SystemInfo {
  vendor: string | null;
  product: string | null;
  version: string | null;
  serial: string | null;
  family: string | null;
  sku: string | null;
  /** Lower case with dashes, in the byte order that dmidecode prints. */
  uuid: string | null;
}

/** Type 2. */
interface Board {
  vendor: string | null;
  product: string | null;
  version: string | null;
  serial: string | null;
  assetTag: string | null;
}

/** Type 3. */
interface Chassis {
  vendor: string | null;
  serial: string | null;
  assetTag: string | null;
}

/** Type 4. */
interface Processor {
  version: string | null;
  isPopulated: boolean;
}

/** Type 16, of system memory: other arrays hold a firmware's flash or a cache. */
export interface MemoryArray {
  slots: number;
  maxBytes: number | undefined;
  /** "None", "Single-bit ECC", "Multi-bit ECC", … */
  errorCorrection: string | null;
}

/** Type 17. */
export interface MemoryDevice {
  locator: string | null;
  /** 0: the slot is empty; undefined: the firmware does not know. */
  sizeBytes: number | undefined;
  /** "DDR4", "Flash", …; null if it is unknown or outside the specification. */
  type: string | null;
  isPersistent: boolean;
  /** The part of a persistent module that serves as memory; undefined where the table does not say. */
  volatileBytes: number | undefined;
  speedMts: number | undefined;
  manufacturer: string | null;
  serial: string | null;
  partNumber: string | null;
}

/** Type 41. */
export interface OnboardDevice {
  name: string | null;
  kind: string | null;
  /** "0000:03:00.0" */
  pciAddress: string | null;
}

export function noTables(): SmbiosTables {
  return {
    version: undefined,
    firmware: undefined,
    system: undefined,
    boards: [],
    chassis: undefined,
    processors: [],
    memoryArrays: [],
    memoryDevices: [],
    onboardDevices: [],
    ipmi: undefined,
    hasHostInterface: false,
    redfishAddress: undefined,
  };
}

/** The type of persistent memory alone. */
export const nonVolatileType = 'Logical non-volatile device';

/** Types that hold no working memory, though a memory device (type 17) describes them. */
const notMemory = /^(flash|rom|eeprom|feprom|eprom)$/i;

/** True if a memory device is a module of memory, persistent or not: firmware lists its flash as well. */
export function isModule({ type }: MemoryDevice): boolean {
  return !(type !== null && notMemory.test(type));
}

/** Installed memory. Where persistent modules serve as memory, the other ones are their cache, which is
 *  smaller. Units: bytes. */
export function workingMemory(devices: readonly MemoryDevice[]): number {
  const sum = (list: readonly MemoryDevice[], bytes: (d: MemoryDevice) => number | undefined) =>
    list.reduce((total, device) => total + (bytes(device) ?? 0), 0);
  const persistent = devices.filter(({ isPersistent }) => isPersistent);
  const modules = devices.filter((device) => isModule(device) && !device.isPersistent);
  const volatileSum = sum(persistent, (device) => device.volatileBytes);
  const dram = sum(modules, (device) => device.sizeBytes);
  return Math.max(volatileSum, dram);
}
