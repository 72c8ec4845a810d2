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
    redfishAddress: undefined,
  };
}

/** Types that hold no working memory, though a memory device (type 17) describes them. */
const notMemory = /^(flash|rom|eeprom|feprom|eprom)$/i;

/** True if a memory device counts as installed memory. */
export function isWorkingMemory(device: MemoryDevice): boolean {
  return !device.isPersistent && !(device.type !== null && notMemory.test(device.type));
}
