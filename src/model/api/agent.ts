// Requests and answers between agents and the server, in the shapes of wire-protocol.md. A receiver of agent
// requests ignores fields it does not know. Operators' requests are in a file for each area.
import { Type, type Static } from 'typebox';
import { MacAddress, nullable, U64 } from '../fields.ts';
import { CheckinDisk } from '../hardware/disk.ts';
import { StoredOs } from '../hardware/existing-os.ts';
import { CheckinInterface, Neighbour } from '../hardware/network-interface.ts';
import { Virtualization } from '../hardware/virtualization.ts';
import { MatchedBy } from '../history.ts';
import { AgentReport, HardwareInfo, MachineIdentity } from '../machine.ts';
import { FixedAddress } from '../network-setup.ts';
import { Problem } from '../problem.ts';
import { RemoteShell } from '../remote-shell.ts';
import { mostPublicKeys, publicKeyPattern } from '../ssh-key.ts';
import { bounded } from './wire.ts';

const optionalText = () => Type.Optional(nullable(Type.String()));
const optionalCount = () => Type.Optional(nullable(Type.Integer()));

/** The hardware that a check-in tells as the record keeps it: a section that HardwareInfo gains travels with
 *  it, and the compiler asks for it where check-ins are made and where they are kept. */
const CheckinHardware = Type.Object({
  ...Type.Partial(Type.Omit(HardwareInfo, ['disks', 'network_interfaces'])).properties,
  ...Type.Partial(Type.Pick(Virtualization, ['is_virtual'])).properties,
});
export type CheckinHardware = Static<typeof CheckinHardware>;

export const CheckinRequest = bounded(
  Type.Object({
    mac: Type.String({ minLength: 1 }),
    all_macs: Type.Optional(Type.Array(MacAddress)),
    ...Type.Partial(Type.Pick(MachineIdentity, ['smbios_uuid', 'machine_id'])).properties,
    identity_hash: optionalText(),
    ...Type.Partial(Type.Pick(AgentReport, ['hostname', 'ip_address', 'bmc_address'])).properties,
    ...CheckinHardware.properties,
    disks: Type.Optional(Type.Array(CheckinDisk)),
    interfaces: Type.Optional(Type.Array(CheckinInterface)),
    existing_os: Type.Optional(nullable(StoredOs)),
    ...Type.Partial(Type.Pick(AgentReport, ['nameservers', 'boot_id', 'sequence'])).properties,
    fixed_address: Type.Optional(
      Type.Object(FixedAddress.properties, {
        description: 'ours: the address of the netboot image, where it was set and not asked for',
      }),
    ),
    in_image: Type.Optional(
      Type.Boolean({ description: 'ours: the agent runs in the netboot image, not on a disk' }),
    ),
    is_confined: Type.Optional(
      Type.Boolean({
        description:
          'ours: the agent writes files below a folder of its own, and does nothing else',
      }),
    ),
    remote_shell: Type.Optional(
      Type.Object(RemoteShell.properties, {
        description: 'ours: the SSH server of the netboot image, while it is open',
      }),
    ),
    uptime_seconds: Type.Optional(
      nullable(Type.Number({ description: 'tells a reboot from a second live machine' })),
    ),
    ...Type.Partial(Type.Pick(AgentReport, ['agent_version', 'boot_timeline', 'problems']))
      .properties,
  }),
);
export type CheckinRequest = Static<typeof CheckinRequest>;

export const Action = Type.Enum(['wait', 'execute', 'reboot', 'localboot']);
export type Action = Static<typeof Action>;

/** A machine's liveness: silent for under 1.5, under 10, or more of its heartbeat intervals. */
export const LivenessName = Type.Enum(['online', 'late', 'gone']);
export type LivenessName = Static<typeof LivenessName>;

/** The public keys that may log in by SSH, for a machine in the netboot image. */
const SshKeys = Type.Optional(
  Type.Array(Type.String({ pattern: publicKeyPattern }), {
    maxItems: mostPublicKeys,
    description:
      'ours: who may log in by SSH while the machine is in the netboot image; left out: nobody',
  }),
);

export const CheckinResponse = Type.Object({
  machine_id: Type.String(),
  memorable_name: Type.String(),
  is_new: Type.Boolean(),
  action: Action,
  workflow_id: nullable(Type.String()),
  matched_by: MatchedBy,
  evidence: Type.Array(Type.String(), { description: 'what matched, in sentences' }),
  heartbeat_interval_seconds: Type.Number(),
  token: Type.Optional(Type.String({ description: "for this machine's later calls" })),
  ssh_keys: SshKeys,
});
export type CheckinResponse = Static<typeof CheckinResponse>;

export const HeartbeatRequest = bounded(
  Type.Object({
    machine_id: Type.String({ format: 'uuid' }),
    boot_id: optionalText(),
    sequence: optionalCount(),
    uptime_seconds: Type.Optional(nullable(Type.Number())),
    identity_hash: optionalText(),
    neighbours: Type.Optional(
      Type.Array(
        Type.Object({
          interface: Type.String({ description: 'the name of the port' }),
          neighbour: Neighbour,
        }),
        { description: 'the switches that ports heard since the check-in' },
      ),
    ),
    problems: Type.Optional(Type.Array(Problem)),
  }),
);
export type HeartbeatRequest = Static<typeof HeartbeatRequest>;

export const HeartbeatResponse = Type.Object({
  action: Action,
  workflow_id: nullable(Type.String()),
  heartbeat_interval_seconds: Type.Number(),
  ssh_keys: SshKeys,
});
export type HeartbeatResponse = Static<typeof HeartbeatResponse>;

const ActionName = Type.String();
const WorkflowName = Type.Optional(Type.String());
const BootId = Type.Optional(
  nullable(Type.String({ description: 'ours: of the boot that reports; absent: the last one' })),
);

/** A report of the agent that runs a workflow. */
export const WorkflowEvent = bounded(
  Type.Union([
    Type.Object({ type: Type.Literal('started'), workflow: WorkflowName, boot_id: BootId }),
    Type.Object({
      type: Type.Literal('action_started'),
      workflow: WorkflowName,
      boot_id: BootId,
      action: ActionName,
    }),
    Type.Object({
      type: Type.Literal('action_progress'),
      workflow: WorkflowName,
      boot_id: BootId,
      action: ActionName,
      progress: Type.Object({
        percent: Type.Optional(nullable(Type.Number({ maximum: 100 }))),
        message: optionalText(),
        bytes_transferred: Type.Optional(nullable(U64())),
        bytes_total: Type.Optional(nullable(U64())),
        eta_secs: Type.Optional(nullable(Type.Number())),
        phase: optionalText(),
        phase_number: optionalCount(),
        total_phases: optionalCount(),
      }),
    }),
    Type.Object({
      type: Type.Literal('action_completed'),
      workflow: WorkflowName,
      boot_id: BootId,
      action: ActionName,
      success: Type.Boolean(),
      report: Type.Optional(
        Type.Record(
          Type.String({ maxLength: 64 }),
          Type.Union([
            Type.String({ maxLength: 1024 }),
            Type.Number(),
            Type.Boolean(),
            Type.Null(),
          ]),
          { description: 'ours: what was done, by the action: bytes, seconds, hash' },
        ),
      ),
      output: Type.Optional(
        Type.Array(Type.String({ maxLength: 1024 }), {
          maxItems: 64,
          description: 'ours: the last lines that the action printed before it failed',
        }),
      ),
    }),
    Type.Object({
      type: Type.Literal('completed'),
      workflow: WorkflowName,
      boot_id: BootId,
      success: Type.Boolean(),
      error: Type.Optional(
        Type.String({ description: 'ours: why it failed, where no action says so' }),
      ),
    }),
  ]),
);
export type WorkflowEvent = Static<typeof WorkflowEvent>;

/** Every error answer. */
export const ErrorResponse = Type.Object(
  {
    error: Type.String({ description: 'a sentence' }),
    code: Type.String({ description: 'area.what, from core/errors.ts' }),
  },
  { additionalProperties: true },
);
export type ErrorResponse = Static<typeof ErrorResponse>;

/** The process, or its store, is well. */
export const Status = Type.Object({ status: Type.Literal('ok') });

export const Readiness = Type.Object({
  ...Status.properties,
  watch: Type.Enum(['current', 'behind'], {
    description:
      'behind: changes by other servers have not been sure to arrive for 10 s. Heartbeats are answered from the store after 5 s',
  }),
  watch_age_seconds: nullable(
    Type.Number({
      description:
        'time since everything that other servers had written was sure to have arrived, 0 where there are none; null: it never was',
    }),
  ),
});
export type Readiness = Static<typeof Readiness>;

/** The server itself. */
export const About = Type.Object({
  version: Type.String(),
  store_bytes: nullable(
    Type.Integer({ description: 'the size of the data file; null: there is none' }),
  ),
  public_url: nullable(
    Type.String({ description: 'its address as agents reach it, if configured' }),
  ),
});
export type About = Static<typeof About>;

/** The same as a problem of RFC 9457, for clients that accept those. */
export const ProblemResponse = Type.Object(
  {
    type: Type.String({ description: 'urn:dragonfly:problem:<code>' }),
    title: Type.String({ description: 'what the code means' }),
    status: Type.Integer(),
    detail: Type.String({ description: 'a sentence' }),
    code: Type.String({ description: 'area.what' }),
  },
  { additionalProperties: true },
);
