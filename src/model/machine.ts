// The stored Machine record: the JSON form of storage-schema.md's structs (serde's defaults), with
// this project's additions, which may all be absent. Unknown fields are kept.
import { Type, type Static } from 'typebox';

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);

const Timestamp = Type.String({ format: 'date-time', description: 'RFC 3339 in UTC' });
const Uuid = Type.String({ format: 'uuid', description: 'hyphenated, lower case' });

/** Stable identity derived from hardware. */
export const MachineIdentity = Type.Object({
  primary_mac: Type.String(),
  all_macs: Type.Array(Type.String()),
  smbios_uuid: nullable(Type.String()),
  machine_id: nullable(Type.String()),
  identity_hash: Type.String(),
});
export type MachineIdentity = Static<typeof MachineIdentity>;

export const MachineState = Type.Union([
  Type.Literal('Discovered'),
  Type.Literal('Ready'),
  Type.Literal('Provisioning'),
  Type.Literal('Provisioned'),
  Type.Object({ Error: Type.Object({ message: Type.String() }) }),
  Type.Literal('Offline'),
]);
export type MachineState = Static<typeof MachineState>;

/** The name of a state without its payload; also its key in the machines_by_state index. */
export const MachineStateName = Type.Enum([
  'Discovered',
  'Ready',
  'Provisioning',
  'Provisioned',
  'Error',
  'Offline',
]);
export type MachineStateName = Static<typeof MachineStateName>;

export function stateName(state: MachineState): MachineStateName {
  return typeof state === 'string' ? state : 'Error';
}

export const WorkflowResult = Type.Union([
  Type.Object({ Success: Type.Object({ completed_at: Timestamp }) }),
  Type.Object({ Failed: Type.Object({ error: Type.String(), failed_at: Timestamp }) }),
]);
export type WorkflowResult = Static<typeof WorkflowResult>;

export const MachineStatus = Type.Object({
  state: MachineState,
  last_seen: nullable(Timestamp),
  current_workflow: nullable(Uuid),
  last_workflow_result: nullable(WorkflowResult),
});
export type MachineStatus = Static<typeof MachineStatus>;

export const StoredDisk = Type.Object({
  device: Type.String({ description: '/dev/sda, /dev/nvme0n1' }),
  size_bytes: Type.Integer(),
  model: nullable(Type.String()),
  serial: nullable(Type.String()),
});
export type StoredDisk = Static<typeof StoredDisk>;

export const StoredInterface = Type.Object({
  name: Type.String(),
  mac: Type.String(),
  speed_mbps: nullable(Type.Integer()),
});
export type StoredInterface = Static<typeof StoredInterface>;

export const HardwareInfo = Type.Object({
  cpu_model: nullable(Type.String()),
  cpu_cores: nullable(Type.Integer()),
  memory_bytes: nullable(Type.Integer()),
  disks: Type.Array(StoredDisk),
  network_interfaces: Type.Array(StoredInterface),
  is_virtual: Type.Boolean(),
  virt_platform: nullable(Type.String()),
  cpu_threads: Type.Optional(nullable(Type.Integer())),
  gpus: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String(),
        vendor: Type.Optional(nullable(Type.String())),
        vram_bytes: Type.Optional(nullable(Type.Integer())),
      }),
    ),
  ),
});
export type HardwareInfo = Static<typeof HardwareInfo>;

export const BmcConfig = Type.Object({
  address: Type.String(),
  username: Type.String(),
  password_encrypted: Type.String(),
  bmc_type: Type.Enum(['Ipmi', 'Redfish', 'ProxmoxApi']),
});
export type BmcConfig = Static<typeof BmcConfig>;

export const MachineConfig = Type.Object({
  hostname: nullable(Type.String()),
  memorable_name: Type.String(),
  os_choice: nullable(Type.String()),
  tags: Type.Array(Type.String()),
  bmc: nullable(BmcConfig),
});
export type MachineConfig = Static<typeof MachineConfig>;

export const MachineSource = Type.Union([
  Type.Literal('Agent'),
  Type.Object({
    Proxmox: Type.Object({ cluster: Type.String(), node: Type.String(), vmid: Type.Integer() }),
  }),
  Type.Literal('Manual'),
]);
export type MachineSource = Static<typeof MachineSource>;

export const MachineMetadata = Type.Object({
  created_at: Timestamp,
  updated_at: Timestamp,
  labels: Type.Record(Type.String(), Type.String()),
  source: MachineSource,
});
export type MachineMetadata = Static<typeof MachineMetadata>;

/** An operating system that the agent found installed on a disk. */
export const StoredOs = Type.Object({
  name: Type.String(),
  hostname: Type.Optional(nullable(Type.String())),
  machine_id: Type.Optional(nullable(Type.String())),
  fs_uuid: Type.Optional(nullable(Type.String())),
  kernel_path: Type.Optional(nullable(Type.String())),
  initrd_path: Type.Optional(nullable(Type.String())),
  device: Type.String(),
});
export type StoredOs = Static<typeof StoredOs>;

/** Ours: what the agent reported at its last check-in and the schema has no place for. */
export const AgentReport = Type.Object({
  at: Timestamp,
  hostname: nullable(Type.String()),
  ip_address: nullable(Type.String()),
  bmc_address: nullable(Type.String()),
  existing_os: nullable(StoredOs),
  nameservers: Type.Array(Type.String()),
  boot_id: nullable(Type.String()),
  sequence: Type.Optional(nullable(Type.Integer())),
  /** Boots before that one, newest first: what goes on in one of them is another machine. */
  earlier_boots: Type.Optional(
    Type.Array(Type.Object({ boot_id: Type.String(), sequence: nullable(Type.Integer()) })),
  ),
  agent_version: nullable(Type.String()),
  /** When its last boot reached each step on the way to the server, since the kernel started. */
  boot_timeline: Type.Optional(
    Type.Array(Type.Object({ step: Type.String(), at_ms: Type.Integer() })),
  ),
  /** Whether it was answered as a new machine; a repeat is answered the same. */
  is_new: Type.Optional(Type.Boolean()),
  /** How the machine was recognised, and why, in sentences. */
  matched_by: Type.Enum(['identity_hash', 'primary_mac', 'evidence', 'new']),
  evidence: Type.Array(Type.String()),
  /** What its probes could not read: as in CheckinRequest. */
  problems: Type.Array(
    Type.Object({
      code: Type.String(),
      section: Type.String(),
      source: Type.String(),
      message: Type.String(),
    }),
  ),
});
export type AgentReport = Static<typeof AgentReport>;

/** A physical or virtual machine being provisioned. */
export const Machine = Type.Object({
  id: Uuid,
  identity: MachineIdentity,
  status: MachineStatus,
  hardware: HardwareInfo,
  config: MachineConfig,
  metadata: MachineMetadata,
  report: Type.Optional(AgentReport),
  /** Ours: SHA-256 of the tokens that this machine's agent may use, the newest first. Never shown. */
  token_sha256: Type.Optional(Type.Array(Type.String())),
});
export type Machine = Static<typeof Machine>;

/** The operating system on a machine's disks, as far as its agent said. */
export function existingOs(machine: Machine): StoredOs | null {
  return machine.report?.existing_os ?? null;
}
