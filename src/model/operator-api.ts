// Requests and answers between operators (the page, scripts) and the server. Requests are strict: an unknown
// field is a typo that somebody wants to hear of.
import { Type, type Static } from 'typebox';
import { LivenessName } from './api/agent.ts';
import { AuditEntry } from './documents/audit.ts';
import { nullable, textsByKey } from './fields.ts';
import { IdentityConflict, MachineHistory } from './history.ts';
import { BmcConfig, Machine, MachineConfig, MachineStateName } from './machine.ts';
import { Workflow } from './documents/workflow.ts';
import { Template, TemplateName } from './documents/template.ts';

const strict = { additionalProperties: false };

export const MachineId = Type.String({ format: 'uuid', description: "the machine's UUIDv7" });

/** A tag or a label: printable, without control characters. */
const printable = '^[^\\u0000-\\u001f\\u007f]*$';
export const Tag = Type.String({ minLength: 1, maxLength: 64, pattern: printable });
/** The most tags that a machine may have. */
export const mostTags = 64;
const Hostname = Type.String({
  maxLength: 253,
  pattern:
    '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$',
});

const BmcView = Type.Omit(BmcConfig, ['password_encrypted']);

/** A Machine as it is shown: its record without secrets, last_seen as of now. Its liveness is null
 *  while that cannot be told: never heard, or the server just started. */
const { token_sha256: _never, disk_clues: _clues, ...shownProperties } = Machine.properties;
export const MachineView = Type.Object({
  ...shownProperties,
  config: Type.Object({ ...MachineConfig.properties, bmc: nullable(BmcView) }),
  liveness: nullable(LivenessName),
});
export type MachineView = Static<typeof MachineView>;

export const Paging = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(
    Type.String({ maxLength: 1024, description: 'next_cursor of the page before' }),
  ),
};

/** Filters for machines; all that are given must match. */
const MachineFilter = {
  tag: Type.Optional(Tag),
  state: Type.Optional(MachineStateName),
  liveness: Type.Optional(LivenessName),
  q: Type.Optional(
    Type.String({
      maxLength: 256,
      description:
        'words, each of which must occur in a name, address, MAC, serial number, WWN, model, vendor, asset tag, firmware version, switch, tag, id or label',
    }),
  ),
};

const uuid = '[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}';
const MachineIds = Type.String({
  pattern: `^${uuid}(,${uuid}){0,99}$`,
  description: 'only these machines: at most 100 ids, separated by commas, in one page',
});

export const Dialect = Type.Object(
  {
    dialect: Type.Optional(
      Type.Enum(['dragonfly'], {
        description: 'with every field that newer versions of Dragonfly require',
      }),
    ),
  },
  strict,
);

export const MachineListQuery = Type.Object(
  { ...MachineFilter, ...Paging, ids: Type.Optional(MachineIds), ...Dialect.properties },
  strict,
);
export type MachineListQuery = Static<typeof MachineListQuery>;

export const MachineList = Type.Object({
  machines: Type.Array(MachineView, {
    description: 'with a filter, a page before the last may be short or empty',
  }),
  next_cursor: nullable(Type.String()),
});

const BmcPatch = Type.Object(
  {
    address: Type.String({ minLength: 1, maxLength: 255, pattern: printable }),
    username: Type.String({ maxLength: 255, pattern: printable }),
    password: Type.Optional(
      nullable(Type.String({ maxLength: 1024, description: 'unchanged if absent; never shown' })),
    ),
    bmc_type: BmcConfig.properties.bmc_type,
  },
  strict,
);

const Labels = textsByKey(128, Type.String({ maxLength: 1024, pattern: printable }), {
  maxProperties: 64,
});

/** A change to a machine's settings: only the fields that are present. null clears a field, and changes nothing
 *  where there is nothing to clear: `offline`, a BMC's password. */
export const MachinePatch = Type.Object(
  {
    hostname: Type.Optional(nullable(Hostname)),
    os_choice: Type.Optional(nullable(TemplateName)),
    tags: Type.Optional(nullable(Type.Array(Tag, { maxItems: mostTags }))),
    labels: Type.Optional(nullable(Labels)),
    bmc: Type.Optional(nullable(BmcPatch)),
    offline: Type.Optional(
      nullable(
        Type.Boolean({ description: 'true marks the machine Offline, false brings it back' }),
      ),
    ),
  },
  { ...strict, minProperties: 1 },
);
export type MachinePatch = Static<typeof MachinePatch>;

/** A machine that is entered before it has booted: by its MAC, or by all that is known of its identity. null is
 *  as good as absent. */
export const MachineCreate = Type.Object(
  {
    mac: Type.Optional(
      nullable(Type.String({ minLength: 1, maxLength: 64, description: 'its primary MAC' })),
    ),
    identity: Type.Optional(
      nullable(
        Type.Object(
          {
            primary_mac: Type.String({ minLength: 1, maxLength: 64 }),
            all_macs: Type.Optional(
              nullable(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1024 })),
            ),
            smbios_uuid: Type.Optional(nullable(Type.String({ maxLength: 128 }))),
            machine_id: Type.Optional(nullable(Type.String({ maxLength: 128 }))),
          },
          strict,
        ),
      ),
    ),
    name: Type.Optional(nullable(Hostname)),
    tags: MachinePatch.properties.tags,
    labels: MachinePatch.properties.labels,
    os_choice: MachinePatch.properties.os_choice,
    bmc: MachinePatch.properties.bmc,
  },
  strict,
);
export type MachineCreate = Static<typeof MachineCreate>;

const BulkOperation = {
  add_tags: Type.Optional(Type.Array(Tag, { maxItems: mostTags })),
  remove_tags: Type.Optional(Type.Array(Tag, { maxItems: mostTags })),
  os_choice: MachinePatch.properties.os_choice,
  offline: MachinePatch.properties.offline,
  workflow: Type.Optional(
    Type.Object(
      {
        template: Type.Optional(TemplateName),
        reimage: Type.Optional(Type.Boolean()),
      },
      strict,
    ),
  ),
  delete: Type.Optional(Type.Literal(true)),
};

/** One change for many machines, each independent of the others; failures are listed per machine. */
export const BulkRequest = Type.Object(
  {
    ids: Type.Array(MachineId, { minItems: 1, maxItems: 10_000 }),
    ...BulkOperation,
  },
  { ...strict, minProperties: 2 },
);
export type BulkRequest = Static<typeof BulkRequest>;

const Failure = Type.Object(
  { error: Type.String(), code: Type.String() },
  { additionalProperties: true },
);
export const BulkResponse = Type.Object({
  changed: Type.Integer(),
  failed: Type.Array(Type.Object({ machine_id: Type.String(), failure: Failure })),
});
export type BulkResponse = Static<typeof BulkResponse>;

/** The changes of a machine, newest first. */
export const MachineHistoryAnswer = Type.Object({ history: MachineHistory.properties.changes });

export const TagList = Type.Object({
  tags: Type.Array(Type.Object({ tag: Type.String(), machines: Type.Integer() })),
});
export type TagList = Static<typeof TagList>;

export const TagRemoval = Type.Object({ changed: Type.Integer() });

/** A template as it is shown. */
export const TemplateView = Type.Object({
  ...Template.properties,
  fault: Type.Optional(
    Type.String({ description: 'ours: why it can start no workflow; not taken in a request' }),
  ),
});
export type TemplateView = Static<typeof TemplateView>;

export const TemplateList = Type.Object({
  templates: Type.Array(TemplateView),
  next_cursor: nullable(Type.String()),
});

export const WorkflowCreate = Type.Object(
  {
    machine_id: MachineId,
    template: Type.Optional(
      Type.String({ ...TemplateName, description: "default: the machine's os_choice" }),
    ),
    reimage: Type.Optional(
      Type.Boolean({ description: 'what is on the planned disk may be overwritten' }),
    ),
    confirmed: Type.Optional(
      Type.Boolean({
        description: "the machine's agent is known not to compare its disk with the plan",
      }),
    ),
    retry: Type.Optional(
      Type.Boolean({ description: 'run again by itself, twice at most, if its machine is reset' }),
    ),
    dry_run: Type.Optional(
      Type.Boolean({ description: 'answers the plan of the workflow, and makes none' }),
    ),
  },
  strict,
);
export type WorkflowCreate = Static<typeof WorkflowCreate>;

export const WorkflowListQuery = Type.Object(
  { machine_id: Type.Optional(MachineId), ...Paging },
  strict,
);

export const WorkflowList = Type.Object({
  workflows: Type.Array(Workflow),
  next_cursor: nullable(Type.String()),
});

export const SettingKey = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,190}$' });
export const SettingValue = Type.Object(
  {
    value: Type.String({ maxLength: 65_536 }),
    secret: Type.Optional(
      Type.Boolean({
        description: 'shown to full tokens alone; default: as it was, or by its key',
      }),
    ),
  },
  strict,
);
export const Setting = Type.Object({
  key: Type.String(),
  value: Type.String(),
  secret: Type.Optional(
    Type.Boolean({ description: 'ours: its value is shown to full tokens alone' }),
  ),
});
export type Setting = Static<typeof Setting>;
export const SettingList = Type.Object({
  settings: Type.Array(Setting),
  next_cursor: nullable(Type.String()),
});

export const ConflictList = Type.Object({
  conflicts: Type.Array(IdentityConflict),
  next_cursor: nullable(Type.String()),
});

export const TokenScope = Type.Enum(['read', 'operate', 'full', 'enrol'], {
  description:
    'read: operators may look; operate: also change machines, workflows and templates; full: everything; enrol: agents may register',
});
export type TokenScope = Static<typeof TokenScope>;
export const TokenName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' });

export const NewTokenRequest = Type.Object(
  {
    name: TokenName,
    scope: TokenScope,
    tags: Type.Optional(
      Type.Array(Tag, {
        minItems: 1,
        maxItems: mostTags,
        description: 'it is good for machines with one of these alone',
      }),
    ),
    expires_at: Type.Optional(nullable(Type.String({ format: 'date-time' }))),
  },
  strict,
);
export type NewTokenRequest = Static<typeof NewTokenRequest>;
export const TokenCreated = Type.Object({
  name: Type.String(),
  scope: TokenScope,
  token: Type.String({ description: 'shown only this once' }),
});
export type TokenCreated = Static<typeof TokenCreated>;
export const TokenList = Type.Object({
  tokens: Type.Array(
    Type.Object({
      name: Type.String(),
      scope: TokenScope,
      tags: Type.Optional(Type.Array(Type.String())),
      created_at: Type.String(),
      expires_at: nullable(Type.String()),
      last_used: nullable(Type.String({ description: 'null: not since this was noted' })),
    }),
  ),
});
export type TokenList = Static<typeof TokenList>;

export const AuditQuery = Type.Object(
  {
    since: Type.Optional(Type.String({ format: 'date-time', description: 'only from then on' })),
    record: Type.Optional(
      Type.String({ maxLength: 300, description: 'only those of this record: machines/ID' }),
    ),
    ...Paging,
  },
  strict,
);
export const AuditList = Type.Object({
  entries: Type.Array(AuditEntry),
  next_cursor: nullable(Type.String()),
});

/** The candidate that a conflict's machine is merged into. */
export const ConflictAccept = Type.Object(
  {
    into: Type.Optional(
      Type.String({ format: 'uuid', description: 'required if there are several candidates' }),
    ),
  },
  strict,
);
