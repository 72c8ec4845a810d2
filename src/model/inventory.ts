// A machine as its agent reads it: the facts that probes find out, and the inventory made from them. Names are
// those of the wire and of stored records (snake_case). Types only, because the agent loads no schema
// library; entities that also travel are schemas in files of their own.
import type { Bmc } from './hardware/bmc.ts';
import type { Boot } from './hardware/boot.ts';
import type { DiskContents } from './hardware/contents.ts';
import type { Cpu } from './hardware/cpu.ts';
import type {
  DiskDetails,
  Numa,
  PciDevice,
  PortDetails,
  Processor,
  UsbDevice,
  Watchdog,
} from './details.ts';
import type { Disk } from './hardware/disk.ts';
import type { Board, Chassis, Firmware, System } from './hardware/dmi.ts';
import type { ExistingOs } from './hardware/existing-os.ts';
import type { Gpu } from './hardware/gpu.ts';
import type { Memory } from './hardware/memory.ts';
import type { InfinibandPort, Neighbour, NetworkInterface } from './hardware/network-interface.ts';
import type { Tpm } from './hardware/tpm.ts';
import type { Virtualization } from './hardware/virtualization.ts';
import type { MachineIdentity } from './machine.ts';
import type { Lease, OwnAddress, ResolverFacts, RouteFacts } from './network-setup.ts';
import type { Problem } from './problem.ts';

/** The findings of the probes. An undefined section is unknown (see problems). */
export interface Facts {
  dmi: DmiFacts;
  machineId: MachineIdFacts;
  network: NetworkFacts;
  disks: readonly Disk[];
  /** The data on each disk. Not looked for on an installed host. */
  contents: ContentsFacts;
  cpu: Cpu;
  memory: Memory;
  virtualization: Virtualization;
  gpus: readonly Gpu[];
  tpm: Tpm;
  bmc: Bmc;
  boot: Boot;
  /** Found on the disks; the first one counts. Not looked for on an installed host. */
  installedOs: readonly ExistingOs[];
  /** The MAC of the port booted from, as it was passed on; null where none was. */
  bootPort: Sourced<string> | null;
  addresses: readonly OwnAddress[];
  routes: RouteFacts;
  resolver: ResolverFacts;
  leases: readonly Lease[];
  // Read on request alone.
  processor: Processor;
  numa: Numa;
  pciDevices: readonly PciDevice[];
  usbDevices: readonly UsbDevice[];
  watchdogs: readonly Watchdog[];
  diskDetails: readonly DiskDetails[];
  portDetails: readonly PortDetails[];
  neighbours: NeighbourFacts;
}

/** A disk that is missing could not be read; one without contents is blank. */
export type ContentsFacts = readonly { device: string; contents: readonly DiskContents[] }[];

/** The other ends of the ports that heard one. */
export type NeighbourFacts = readonly { interface: string; neighbour: Neighbour }[];

/** A value with where it was read: what `--explain` shows. */
export interface Sourced<T> {
  value: T;
  source: string;
}

/** A value that was found and does not count, and why. */
export interface Rejected {
  value: string;
  source: string;
  /** "random at each boot: netboot image" */
  why: string;
}

export interface DmiFacts {
  /** Raw, lower case with dashes; placeholders are still in it. */
  system_uuid: Sourced<string> | null;
  system: System;
  board: Board;
  chassis?: Chassis;
  firmware: Firmware;
  /** "3.2": which version of the SMBIOS specification the firmware follows. */
  smbios_version?: string | null;
}

export interface MachineIdFacts {
  /** The id that counts for the identity, or null. */
  machine_id: Sourced<string> | null;
  /** Ids that were found and do not count. */
  rejected?: readonly Rejected[];
  /** The evidence that the running system is a netboot image; null if it is an installed one. */
  netboot_image?: { source: string; description: string } | null;
}

export interface NetworkFacts {
  interfaces: readonly NetworkInterface[];
  /** A port could not be read: the interfaces may not be all that there are. */
  is_partial?: true;
  infiniband?: readonly InfinibandPort[];
  hostname: string | null;
}

/** As in the record, but a host may have no port that could be the primary one. */
export interface Identity extends Omit<MachineIdentity, 'primary_mac'> {
  primary_mac: string | null;
}

/** The document that `inventory --json` prints. Fields may be added; none is renamed. null is a value that is
 *  not known. A list that is absent is not known either, an empty one means that there is none. */
export interface Inventory {
  identity: Identity;
  hardware: Hardware;
  problems: Problem[];
}

export interface Hardware extends Cpu, Memory, Virtualization {
  disks?: Disk[];
  network_interfaces?: NetworkInterface[];
  infiniband?: InfinibandPort[];
  system?: System | null;
  board?: Board | null;
  chassis?: Chassis | null;
  firmware?: Firmware | null;
  hostname?: NetworkFacts['hostname'];
  gpus?: Gpu[];
  tpm?: Tpm | null;
  bmc?: Bmc | null;
  boot?: Boot | null;
  /** Absent: nobody looked, or could. null: there is none. */
  existing_os?: ExistingOs | null;
}

/** The sections that only `inventory --only` prints, beside those of Hardware. */
export interface Details {
  processor?: Processor;
  numa?: Numa;
  pci_devices?: PciDevice[];
  usb_devices?: UsbDevice[];
  watchdogs?: Watchdog[];
  disks?: (Disk & Partial<DiskDetails>)[];
  network_interfaces?: (NetworkInterface & Partial<PortDetails>)[];
}
