// The parts of a machine that are read on request alone: `inventory --only`. They do not travel. null is a value
// that is not known.
import type { OwnAddress } from './network-setup.ts';

export interface Processor {
  /** As the kernel calls it: x86_64, aarch64, s390x. */
  architecture: string | null;
  vendor: string | null;
  family: number | null;
  model_number: number | null;
  stepping: number | null;
  microcode: string | null;
  min_mhz: number | null;
  /** With turbo, where there is one. */
  max_mhz: number | null;
  base_mhz: number | null;
  caches: Cache[];
  flags: string[];
  /** By the kernel's names: "meltdown": "Mitigation: PTI". */
  vulnerabilities: Record<string, string>;
}

export interface Cache {
  level: number;
  type: string;
  /** The size of one. */
  size_bytes: number;
  /** Their number in the machine. */
  count: number;
}

export interface Numa {
  nodes: NumaNode[];
  huge_pages: HugePages[];
  /** "always", "madvise", "never" */
  transparent_huge_pages: string | null;
}

export interface NumaNode {
  node: number;
  /** "0-15,32-47" */
  cpus: string;
  memory_bytes: number | null;
  /** To each node, in the order of the nodes; 10 is the node itself. */
  distances: number[];
}

export interface HugePages {
  size_bytes: number;
  total: number;
  free: number | null;
}

export interface PciDevice {
  address: string;
  /** Six hex digits: "020000". */
  class: string;
  class_name: string | null;
  /** "8086:1533" */
  id: string;
  vendor_name: string | null;
  device_name: string | null;
  subsystem_id: string | null;
  driver: string | null;
  iommu_group: number | null;
  numa_node: number | null;
}

export interface UsbDevice {
  /** "1-4.2": its place in the tree of ports. */
  port: string;
  /** "046b:ff10" */
  id: string;
  vendor: string | null;
  product: string | null;
  serial: string | null;
  speed_mbps: number | null;
}

export interface Watchdog {
  device: string;
  identity: string | null;
  /** "active", "inactive" */
  state: string | null;
  timeout_seconds: number | null;
  /** It cannot be stopped once it runs. */
  no_way_out: boolean | null;
}

export interface DiskDetails {
  device: string;
  firmware: string | null;
  logical_sector_bytes: number | null;
  physical_sector_bytes: number | null;
  partitions: Partition[];
}

export interface Partition {
  device: string;
  start_bytes: number | null;
  size_bytes: number | null;
  /** As udev found them. */
  filesystem: string | null;
  label: string | null;
  uuid: string | null;
  mounted_at: string | null;
}

export interface PortDetails {
  name: string;
  pci_id: string | null;
  subsystem_id: string | null;
  duplex: string | null;
  firmware: string | null;
  addresses: Pick<OwnAddress, 'address' | 'scope'>[];
}
