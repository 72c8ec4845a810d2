// What travels between agents and the server. Shapes of wire-protocol.md; a receiver of agent
// requests ignores fields it does not know. What operators send is in operator-api.ts.
import { Type, type Static } from 'typebox';

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);
const optionalText = (maxLength: number) => Type.Optional(nullable(Type.String({ maxLength })));
const optionalCount = () => Type.Optional(nullable(Type.Integer({ minimum: 0 })));

const ProblemSchema = Type.Object({
  code: Type.String({ maxLength: 64 }),
  section: Type.String({ maxLength: 64 }),
  source: Type.String({ maxLength: 512 }),
  message: Type.String({ maxLength: 1024 }),
});

/** When a boot reached each step on its way to the server. */
const BootTimeline = Type.Optional(
  Type.Array(
    Type.Object({
      step: Type.String({
        maxLength: 32,
        description: 'kernel, link, address, agent, dns, tcp, tls, checkin',
      }),
      at_ms: Type.Integer({ minimum: 0, description: 'since the kernel started' }),
    }),
    { maxItems: 32 },
  ),
);

export const CheckinDisk = Type.Object({
  name: Type.String({ maxLength: 256, description: 'without /dev/' }),
  size_bytes: Type.Integer({ minimum: 0 }),
  model: optionalText(256),
  serial: optionalText(256),
});

export const CheckinInterface = Type.Object({
  name: Type.String({ maxLength: 64 }),
  mac: Type.String({ maxLength: 64 }),
  speed_mbps: optionalCount(),
});

export const CheckinRequest = Type.Object({
  mac: Type.String({ minLength: 1, maxLength: 64 }),
  all_macs: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1024 })),
  smbios_uuid: optionalText(128),
  machine_id: optionalText(128),
  identity_hash: optionalText(128),
  hostname: optionalText(255),
  ip_address: optionalText(64),
  bmc_address: optionalText(64),
  cpu_model: optionalText(256),
  cpu_cores: optionalCount(),
  cpu_threads: optionalCount(),
  memory_bytes: optionalCount(),
  disks: Type.Optional(Type.Array(CheckinDisk, { maxItems: 4096 })),
  interfaces: Type.Optional(Type.Array(CheckinInterface, { maxItems: 1024 })),
  gpus: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.String({ maxLength: 256 }),
        vendor: optionalText(256),
        vram_bytes: optionalCount(),
      }),
      { maxItems: 256 },
    ),
  ),
  is_virtual: Type.Optional(nullable(Type.Boolean())),
  virt_platform: optionalText(64),
  existing_os: Type.Optional(
    nullable(
      Type.Object({
        name: Type.String({ maxLength: 256 }),
        hostname: optionalText(255),
        machine_id: optionalText(128),
        fs_uuid: optionalText(128),
        kernel_path: optionalText(1024),
        initrd_path: optionalText(1024),
        device: Type.String({ maxLength: 256 }),
      }),
    ),
  ),
  nameservers: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
  boot_id: optionalText(64),
  sequence: optionalCount(),
  uptime_seconds: Type.Optional(
    nullable(Type.Number({ minimum: 0, description: 'tells a reboot from a second live machine' })),
  ),
  agent_version: optionalText(64),
  boot_timeline: BootTimeline,
  problems: Type.Optional(Type.Array(ProblemSchema, { maxItems: 1024 })),
});
export type CheckinRequest = Static<typeof CheckinRequest>;

export const Action = Type.Enum(['wait', 'execute', 'reboot', 'localboot']);
export type Action = Static<typeof Action>;

/** How alive a machine is: silent for under 1.5, under 10, or more of its heartbeat intervals. */
export const LivenessName = Type.Enum(['online', 'late', 'gone']);
export type LivenessName = Static<typeof LivenessName>;

export const MatchedBy = Type.Enum(['identity_hash', 'primary_mac', 'evidence', 'new']);
export type MatchedBy = Static<typeof MatchedBy>;

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
});
export type CheckinResponse = Static<typeof CheckinResponse>;

export const HeartbeatRequest = Type.Object({
  machine_id: Type.String({ format: 'uuid' }),
  boot_id: optionalText(64),
  sequence: optionalCount(),
  uptime_seconds: Type.Optional(nullable(Type.Number({ minimum: 0 }))),
  identity_hash: optionalText(128),
  problems: Type.Optional(Type.Array(ProblemSchema, { maxItems: 1024 })),
});
export type HeartbeatRequest = Static<typeof HeartbeatRequest>;

export const HeartbeatResponse = Type.Object({
  action: Action,
  workflow_id: nullable(Type.String()),
  heartbeat_interval_seconds: Type.Number(),
});
export type HeartbeatResponse = Static<typeof HeartbeatResponse>;

const ActionName = Type.String({ maxLength: 256 });
const WorkflowName = Type.Optional(Type.String({ maxLength: 64 }));

/** What the agent that runs a workflow reports. */
export const WorkflowEvent = Type.Union([
  Type.Object({ type: Type.Literal('started'), workflow: WorkflowName }),
  Type.Object({
    type: Type.Literal('action_started'),
    workflow: WorkflowName,
    action: ActionName,
  }),
  Type.Object({
    type: Type.Literal('action_progress'),
    workflow: WorkflowName,
    action: ActionName,
    progress: Type.Object({
      percent: Type.Optional(nullable(Type.Number({ minimum: 0, maximum: 100 }))),
      message: optionalText(1024),
      bytes_transferred: optionalCount(),
      bytes_total: optionalCount(),
      eta_secs: Type.Optional(nullable(Type.Number({ minimum: 0 }))),
      phase: optionalText(256),
      phase_number: optionalCount(),
      total_phases: optionalCount(),
    }),
  }),
  Type.Object({
    type: Type.Literal('action_completed'),
    workflow: WorkflowName,
    action: ActionName,
    success: Type.Boolean(),
  }),
  Type.Object({
    type: Type.Literal('completed'),
    workflow: WorkflowName,
    success: Type.Boolean(),
  }),
]);
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
