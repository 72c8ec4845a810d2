// From an inventory to the request of a check-in: names of the wire, limits of its schema.
import { AppError } from '../core/errors.ts';
import type { CheckinRequest } from '../model/api.ts';
import type {
  Disk,
  ExistingOs,
  Gpu,
  Inventory,
  NetworkInterface,
  Problem,
} from '../model/inventory.ts';

/** What a check-in says beside the inventory. */
export interface CheckinContext {
  readonly agentVersion: string;
  readonly ipAddress?: string | undefined;
  readonly nameservers?: readonly string[];
}

/** The request. Nothing in it is longer than the schema of the server allows: one overlong model
 *  string must not keep a machine from registering.
 *  Source: wire-protocol.md. Errors: AppError `identity.no-mac`. */
export function checkinRequest(inventory: Inventory, context: CheckinContext): CheckinRequest {
  const { identity, hardware, problems } = inventory;
  if (identity.primary_mac === null) {
    throw new AppError(
      'identity.no-mac',
      'cannot check in: no physical network interface with a MAC address was found; see dragonfly-agent doctor',
    );
  }
  return {
    mac: identity.primary_mac,
    all_macs: identity.all_macs,
    smbios_uuid: identity.smbios_uuid,
    machine_id: identity.machine_id,
    identity_hash: identity.identity_hash,
    hostname: cut(hardware.hostname ?? null, 255),
    ip_address: context.ipAddress ?? null,
    bmc_address: cut(hardware.bmc?.address?.value ?? null, 64),
    cpu_model: cut(hardware.cpu_model, 256),
    cpu_cores: hardware.cpu_cores,
    cpu_threads: hardware.cpu_threads,
    memory_bytes: hardware.memory_bytes,
    disks: hardware.disks.slice(0, 4096).map(wireDisk),
    interfaces: hardware.network_interfaces.slice(0, 1024).map(wireInterface),
    gpus: (hardware.gpus ?? []).slice(0, 256).map(wireGpu),
    existing_os: hardware.existing_os ? wireOs(hardware.existing_os) : null,
    is_virtual: hardware.is_virtual,
    virt_platform: hardware.virt_platform,
    nameservers: (context.nameservers ?? []).slice(0, 64),
    agent_version: context.agentVersion,
    problems: problems.slice(0, 1024).map(wireProblem),
  };
}

function wireDisk(disk: Disk) {
  const { device, ...rest } = disk;
  return {
    ...rest,
    name: cut(device.replace(/^\/dev\//, ''), 256),
    model: cut(disk.model, 256),
    serial: cut(disk.serial, 256),
  };
}

function wireInterface(port: NetworkInterface) {
  return { ...port, name: cut(port.name, 64) };
}

function wireGpu({ name, vendor, vram_bytes: bytes }: Gpu) {
  return { name: cut(name, 256), vendor: cut(vendor, 256), vram_bytes: bytes };
}

function wireOs(os: ExistingOs): ExistingOs {
  return {
    name: cut(os.name, 256),
    hostname: cut(os.hostname, 255),
    machine_id: cut(os.machine_id, 128),
    fs_uuid: cut(os.fs_uuid, 128),
    kernel_path: cut(os.kernel_path, 1024),
    initrd_path: cut(os.initrd_path, 1024),
    device: cut(os.device, 256),
  };
}

/** A problem within the limits of the wire. */
export function wireProblem(problem: Problem): Problem {
  return {
    code: cut(problem.code, 64),
    section: cut(problem.section, 64),
    source: cut(problem.source, 512),
    message: cut(problem.message, 1024),
  };
}

function cut(text: string, length: number): string;
function cut(text: string | null, length: number): string | null;
function cut(text: string | null, length: number): string | null {
  return text === null ? null : text.slice(0, length);
}
