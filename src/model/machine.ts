// The stored Machine record: the JSON form of storage-schema.md's structs (serde's defaults), with
// this project's additions, which may all be absent. Unknown fields are kept.
import { Type, type Static } from 'typebox';
import { nullable, Timestamp, U32 } from './fields.ts';
import { StoredBmc } from './hardware/bmc.ts';
import { StoredBoot } from './hardware/boot.ts';
import { Cpu } from './hardware/cpu.ts';
import { StoredDisk } from './hardware/disk.ts';
import { StoredDmi } from './hardware/dmi.ts';
import { StoredOs } from './hardware/existing-os.ts';
import { StoredGpu } from './hardware/gpu.ts';
import { StoredMemory } from './hardware/memory.ts';
import { StoredInterface } from './hardware/network-interface.ts';
import { StoredTpm } from './hardware/tpm.ts';
import { Virtualization } from './hardware/virtualization.ts';
import { MatchedBy } from './history.ts';
import { FixedAddress } from './network-setup.ts';
import { Problem } from './problem.ts';
import { StoredShell } from './remote-shell.ts';
import { stateNames } from './machine-state.ts';

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

const Reason = Type.Object({ message: Type.String() });

/** The states of newer versions of Dragonfly, which this server reads, and writes in their dialect alone. */
const NewerState = Type.Union(
  [
    Type.Enum([
      'ReadyToInstall',
      'Initializing',
      'Installing',
      'Writing',
      'Installed',
      'ExistingOs',
    ]),
    Type.Object({ ExistingOs: Type.Object({ os_name: Type.String() }) }),
    Type.Object({ Failed: Reason }),
  ],
  { description: 'of newer versions of Dragonfly: kept as written until something changes it' },
);

export const MachineState = Type.Union([
  Type.Literal('Discovered'),
  Type.Literal('Ready'),
  Type.Literal('Provisioning'),
  Type.Literal('Provisioned'),
  Type.Object({ Error: Reason }),
  Type.Literal('Offline'),
  NewerState,
]);
export type MachineState = Static<typeof MachineState>;

/** The name of a state without its payload; also its key in the machines_by_state index. */
export const MachineStateName = Type.Enum(stateNames);
export type MachineStateName = Static<typeof MachineStateName>;

export { stateName } from './machine-state.ts';

export const WorkflowResult = Type.Union([
  Type.Object({ Success: Type.Object({ completed_at: Timestamp }) }),
  Type.Object({ Failed: Type.Object({ error: Type.String(), failed_at: Timestamp }) }),
]);
export type WorkflowResult = Static<typeof WorkflowResult>;

/** True for a success, and for no result that this version does not know. */
export function hasSucceeded(result: WorkflowResult | null): boolean {
  return Object.hasOwn(Object(result), 'Success');
}

/** The time of a result; undefined for one that this version does not know. */
export function endedAt(result: WorkflowResult | null): string | undefined {
  if (result === null) return undefined;
  if ('Success' in result) return result.Success.completed_at;
  return 'Failed' in result ? result.Failed.failed_at : undefined;
}

export const MachineStatus = Type.Object({
  state: MachineState,
  last_seen: nullable(Timestamp),
  current_workflow: nullable(Uuid),
  last_workflow_result: nullable(WorkflowResult),
});
export type MachineStatus = Static<typeof MachineStatus>;

export const HardwareInfo = Type.Object({
  ...Type.Pick(Cpu, ['cpu_model', 'cpu_cores']).properties,
  ...StoredMemory.properties,
  disks: Type.Array(StoredDisk),
  network_interfaces: Type.Array(StoredInterface),
  is_virtual: Type.Boolean(),
  ...Type.Pick(Virtualization, ['virt_platform']).properties,
  ...Type.Partial(Type.Pick(Cpu, ['cpu_threads', 'cpu_sockets'])).properties,
  gpus: Type.Optional(Type.Array(StoredGpu)),
  ...StoredDmi.properties,
  tpm: Type.Optional(StoredTpm),
  bmc: Type.Optional(StoredBmc),
  boot: Type.Optional(StoredBoot),
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

const guest = { cluster: Type.String(), node: Type.String() };

/** ProxmoxLxc and ProxmoxNode are of newer versions of Dragonfly. */
export const MachineSource = Type.Union([
  Type.Literal('Agent'),
  Type.Object({ Proxmox: Type.Object({ ...guest, vmid: U32() }) }),
  Type.Object({ ProxmoxLxc: Type.Object({}, { additionalProperties: true }) }),
  Type.Object({ ProxmoxNode: Type.Object({}, { additionalProperties: true }) }),
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

/** The times at which a boot reached each step on its way to the server. */
const BootTimeline = Type.Array(
  Type.Object({
    step: Type.String({ description: 'kernel, link, address, agent, dns, tcp, tls, checkin' }),
    at_ms: Type.Integer({ description: 'since the kernel started' }),
  }),
);

/** Ours: what the agent reported at its last check-in and the schema has no place for. */
export const AgentReport = Type.Object({
  at: Timestamp,
  hostname: nullable(Type.String()),
  ip_address: nullable(Type.String()),
  from_address: Type.Optional(
    Type.String({
      description:
        'where the last check-in came from, if it came without a token: such an agent is known by that',
    }),
  ),
  doubted_workflow: Type.Optional(
    Type.String({
      description:
        'the workflow during which an agent without a token showed other disks: it is told nothing of that one',
    }),
  ),
  bmc_address: nullable(Type.String()),
  existing_os: nullable(StoredOs),
  /** True if the boot that reported last found `existing_os` itself. */
  tells_os: Type.Optional(Type.Boolean()),
  /** The last check-in showed a MAC and nothing else that tells the machine from others: no proof for
   *  workflows and their secrets. */
  shows_less: Type.Optional(Type.Boolean()),
  /** True if its agent writes files below a folder of its own, and does nothing else. */
  is_confined: Type.Optional(Type.Boolean()),
  /** True if its agent runs in the netboot image. */
  in_image: Type.Optional(Type.Boolean()),
  /** The SSH server that its agent has opened in the netboot image. */
  remote_shell: Type.Optional(StoredShell),
  nameservers: Type.Array(Type.String()),
  /** The netboot image's; absent: it has its addresses by DHCP. */
  fixed_address: Type.Optional(FixedAddress),
  boot_id: nullable(Type.String()),
  sequence: Type.Optional(nullable(Type.Integer())),
  /** Boots before that one, newest first: what goes on in one of them is another machine. */
  earlier_boots: Type.Optional(
    Type.Array(Type.Object({ boot_id: Type.String(), sequence: nullable(Type.Integer()) })),
  ),
  agent_version: nullable(Type.String()),
  boot_timeline: Type.Optional(BootTimeline),
  /** True if it was answered as a new machine; a repeat gets the same answer. */
  is_new: Type.Optional(Type.Boolean()),
  /** The way the machine was recognised, with the reasons in sentences. */
  matched_by: MatchedBy,
  evidence: Type.Array(Type.String()),
  problems: Type.Array(Problem),
  /** Problems that this boot reported since then, newest first. */
  later_problems: Type.Optional(Type.Array(Type.Object({ ...Problem.properties, at: Timestamp }))),
});
export type AgentReport = Static<typeof AgentReport>;

/** Ours: the last time that a machine was sent to its own disk, and how often it came back at once. */
export const LocalBoot = Type.Object({
  at: Timestamp,
  returns: Type.Integer({ minimum: 0 }),
  /** The boot that was told so; null where a boot script said it. */
  boot_id: nullable(Type.String()),
});
export type LocalBoot = Static<typeof LocalBoot>;

/** A physical or virtual machine being provisioned. */
export const Machine = Type.Object({
  id: Uuid,
  identity: MachineIdentity,
  status: MachineStatus,
  hardware: HardwareInfo,
  config: MachineConfig,
  metadata: MachineMetadata,
  report: Type.Optional(AgentReport),
  local_boot: Type.Optional(LocalBoot),
  disk_clues: Type.Optional(
    Type.Array(Type.String(), { description: 'ours: disks that the machine is found by' }),
  ),
  overdue_workflow: Type.Optional(
    Type.String({
      description: 'ours: the workflow whose installed system was not heard of in time',
    }),
  ),
  /** Ours: SHA-256 of the tokens that this machine's agent may use, the newest first. Never shown. */
  token_sha256: Type.Optional(Type.Array(Type.String())),
  token_holder: Type.Optional(
    Type.String({ description: 'ours: the id of the token that the machine proved to hold' }),
  ),
});
export type Machine = Static<typeof Machine>;

/** The id of a token: the first hex digits of its SHA-256, which tell tokens apart and say nothing of them. */
export function tokenId(sha256: string): string {
  return sha256.slice(0, 8);
}

/** The ids of a machine's tokens, the newest first. */
export function tokenIds({ token_sha256: hashes = [] }: Machine): string[] {
  return hashes.map(tokenId);
}

/** The id of the token that a machine proved to hold, as long as that is valid. */
export function tokenHolder(machine: Machine): string | undefined {
  const { token_holder: holder } = machine;
  return holder !== undefined && tokenIds(machine).includes(holder) ? holder : undefined;
}

/** The operating system on a machine's disks, as far as its agent said. */
export function existingOs(machine: Machine): StoredOs | null {
  return machine.report?.existing_os ?? null;
}
