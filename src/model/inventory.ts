// What a machine is, as its agent reads it. Entities have the names of the wire and of the stored
// records (snake_case), so that one definition serves all three. Types only: the agent must not
// load a schema library to take an inventory.

/** Something that could not be read or made sense of, and why. Sent to the server. */
export interface Problem {
  /** From core/errors.ts. */
  code: string;
  /** The section of the inventory that lacks something because of it. */
  section: string;
  /** What was read: a path or a command. */
  source: string;
  /** A sentence for people. */
  message: string;
}

export interface Disk {
  /** "/dev/sda" */
  device: string;
  size_bytes: number;
  model: string | null;
  serial: string | null;
  wwn: string | null;
  type: 'nvme' | 'ssd' | 'hdd' | null;
  /** "nvme", "sata", "sas", "virtio", "usb", "fc", "iscsi", "mmc", … */
  transport: string | null;
  removable: boolean;
  read_only: boolean;
  /** Media that a BMC or hypervisor lends; never a target. */
  virtual_media: boolean;
  /** The devices of all paths to this disk when there are several. */
  paths: string[];
}

export interface NetworkInterface {
  name: string;
  /** The permanent address, lower case with colons. */
  mac: string;
  speed_mbps: number | null;
  /** The current address where it differs from the permanent one (a bond member's). */
  current_mac: string | null;
  driver: string | null;
  /** "0000:03:00.0" */
  pci_address: string | null;
  carrier: boolean | null;
  mtu: number | null;
  /** "ethernet" or "infiniband". */
  kind: 'ethernet' | 'infiniband' | 'wlan';
  is_usb: boolean;
  /** A BMC's NIC towards its own host. */
  is_bmc: boolean;
  /** A virtual function whose physical function is on this host. */
  is_vf: boolean;
  bond: string | null;
  vlans: number[];
}

/** An IP-over-InfiniBand interface: its 20-byte address is no MAC. */
export interface InfinibandPort {
  name: string;
  address: string;
  speed_mbps: number | null;
  driver: string | null;
  pci_address: string | null;
  carrier: boolean | null;
}

export interface Dimm {
  locator: string | null;
  size_bytes: number;
  type: string | null;
  /** Keeps its content without power, and so is not counted as memory. */
  is_persistent?: boolean;
  speed_mts: number | null;
  manufacturer: string | null;
  serial: string | null;
  part_number: string | null;
}

/** A display or compute controller (PCI class 03). */
export interface Gpu {
  /** What the driver or the firmware calls it, else its PCI ids: "10de:2236". */
  name: string;
  vendor: string | null;
  vram_bytes: number | null;
  pci_address?: string;
  pci_id?: string;
  driver?: string | null;
}

export interface TpmFacts {
  is_present: boolean;
  version: '1.2' | '2.0' | null;
}

/** The management controller on the machine's board. */
export interface BmcFacts {
  is_present: boolean;
  /** "KCS", "SSIF", …, from SMBIOS. */
  interface_type: string | null;
  /** The address that operators reach it at, and where it was read. */
  address: Sourced<string> | null;
  mac: string | null;
  /** Its address towards its own host only, for Redfish. */
  host_address: string | null;
}

export interface BootFacts {
  firmware_mode: 'uefi' | 'bios' | null;
  secure_boot: boolean | null;
  /** "6.12.0": the running kernel's release. */
  kernel: string | null;
}

/** An operating system found installed on a disk. Wire name: existing_os. */
export interface ExistingOs {
  name: string;
  hostname: string | null;
  machine_id: string | null;
  fs_uuid: string | null;
  kernel_path: string | null;
  initrd_path: string | null;
  device: string;
}

/** What each probe finds out. A section that is undefined was not found out (see problems). */
export interface Facts {
  dmi: DmiFacts;
  machineId: MachineIdFacts;
  network: NetworkFacts;
  disks: readonly Disk[];
  cpu: CpuFacts;
  memory: MemoryFacts;
  virtualization: VirtualizationFacts;
  gpus: readonly Gpu[];
  tpm: TpmFacts;
  bmc: BmcFacts;
  boot: BootFacts;
  /** Found on the disks; the first one counts. Not looked for on an installed host. */
  installedOs: readonly ExistingOs[];
}

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
  system: {
    vendor: string | null;
    product: string | null;
    serial: string | null;
    asset_tag: string | null;
  };
  board: { vendor: string | null; product: string | null; serial: string | null };
  firmware: { vendor: string | null; version: string | null; date: string | null };
  /** "3.2": which version of the SMBIOS specification the firmware follows. */
  smbios_version?: string | null;
}

export interface MachineIdFacts {
  /** The id that counts for the identity, or null. */
  machine_id: Sourced<string> | null;
  /** Ids that were found and do not count. */
  rejected?: readonly Rejected[];
  /** What says that the running system is a netboot image; null when it is an installed one. */
  netboot_image?: { source: string; description: string } | null;
}

export interface NetworkFacts {
  interfaces: readonly NetworkInterface[];
  infiniband?: readonly InfinibandPort[];
  hostname: string | null;
}

export interface CpuFacts {
  cpu_model: string | null;
  cpu_cores: number | null;
  cpu_threads: number | null;
  cpu_sockets: number | null;
  /** The CPU's extension for running virtual machines. */
  cpu_virtualization?: 'vmx' | 'svm' | null;
}

export interface MemoryFacts {
  memory_bytes: number | null;
  /** Which source memory_bytes came from. */
  source: string | null;
  dimms: readonly Dimm[];
  /** Slots on the board, used or not; how much memory they take; what the memory corrects. */
  slots?: number | null;
  max_bytes?: number | null;
  error_correction?: string | null;
}

export interface VirtualizationFacts {
  /** null: neither CPU nor firmware said anything. */
  is_virtual: boolean | null;
  virt_platform: string | null;
  /** "amazon", "google", "azure", …, beside the platform. */
  cloud: string | null;
  /** "docker", "lxc", … when the agent itself runs in a container. */
  container: string | null;
}

export interface Identity {
  primary_mac: string | null;
  all_macs: string[];
  smbios_uuid: string | null;
  machine_id: string | null;
  identity_hash: string;
}

/** The document that `inventory --json` prints. Fields may be added; none is renamed. */
export interface Inventory {
  identity: Identity;
  hardware: Hardware;
  problems: Problem[];
}

export interface Hardware extends CpuFacts {
  memory_bytes: number | null;
  disks: Disk[];
  network_interfaces: NetworkInterface[];
  is_virtual: boolean | null;
  virt_platform: string | null;
  system?: DmiFacts['system'] | null;
  board?: DmiFacts['board'] | null;
  firmware?: DmiFacts['firmware'] | null;
  dimms?: Dimm[];
  cloud?: string | null;
  container?: string | null;
  hostname?: string | null;
  gpus?: Gpu[];
  tpm?: TpmFacts | null;
  bmc?: BmcFacts | null;
  boot?: BootFacts | null;
  existing_os?: ExistingOs | null;
  [more: string]: unknown;
}
