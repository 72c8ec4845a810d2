// Requests and answers about machines and their tags, between operators (the page, scripts) and the server.
import { Type, type Static } from 'typebox';
import { TemplateName } from '../documents/template.ts';
import { nullable, textsByKey } from '../fields.ts';
import { MachineHistory } from '../history.ts';
import { BmcConfig, Machine, MachineConfig, MachineStateName } from '../machine.ts';
import { fieldNames } from '../search/fields.ts';
import { LivenessName } from './agent.ts';
import { damaged } from './administration/damaged.ts';
import { MachineId, Paging, Tag, mostTags, printable, strict } from './request.ts';
import { PlanDigest } from './workflows.ts';

const Hostname = Type.String({
  maxLength: 253,
  pattern:
    '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$',
});

const inDialect = "in Dragonfly's dialect alone";

const BmcView = Type.Object({
  ...Type.Omit(BmcConfig, ['password_encrypted']).properties,
  password_encrypted: Type.Optional(Type.String({ description: `${inDialect}, and empty` })),
});

/** The fields that newer versions of Dragonfly require. */
const dialectFields = {
  installation_progress: Type.Optional(Type.Integer({ description: inDialect })),
  netboot: Type.Optional(
    Type.Object(
      {
        allow_pxe: Type.Boolean(),
        allow_workflow: Type.Boolean(),
        dhcp_ip: nullable(Type.String()),
      },
      { description: inDialect },
    ),
  ),
};

const { token_sha256: _never, disk_clues: _clues, ...shownProperties } = Machine.properties;

/** A Machine as it is shown: its record without secrets, last_seen as of now. Its liveness is null
 *  while that cannot be told: never heard, or the server just started. */
export const MachineView = Type.Object({
  ...shownProperties,
  config: Type.Object({ ...MachineConfig.properties, ...dialectFields, bmc: nullable(BmcView) }),
  liveness: nullable(LivenessName),
});
export type MachineView = Static<typeof MachineView>;

/** Filters for machines; all that are given must match. */
const MachineFilter = {
  tag: Type.Optional(Tag),
  state: Type.Optional(MachineStateName),
  liveness: Type.Optional(LivenessName),
  q: Type.Optional(
    Type.String({
      maxLength: 1024,
      description:
        'words and field:value, all of which must hold: "epyc", "model:R650", "tag:rack-*", "-state:error", "seen:>1h"; quotes around what has blanks. Fields: ' +
        fieldNames.map(([name]) => name).join(', '),
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
  damaged,
  unindexed: Type.Optional(
    Type.Boolean({
      description:
        'true: the texts of so many machines are not kept in memory, so that each page of this search reads up to 20,000 records; with a tag or a state it reads theirs alone',
    }),
  ),
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

const mostMachines = 10_000;

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
        confirmed: Type.Optional(Type.Boolean()),
        retry: Type.Optional(Type.Boolean()),
      },
      strict,
    ),
  ),
  plan_digests: Type.Optional(
    Type.Record(Type.String({ pattern: `^${uuid}$` }), PlanDigest, {
      ...strict,
      maxProperties: mostMachines,
      description:
        'by machine id, as a dry run of the workflow gave them: a machine whose plan is another one by now, or that has none here, is refused',
    }),
  ),
  cancel: Type.Optional(
    Type.Literal(true, { description: 'ends the workflow that waits or runs' }),
  ),
  delete: Type.Optional(Type.Literal(true)),
  dry_run: Type.Optional(
    Type.Boolean({ description: 'changes nothing, and answers what would become of each' }),
  ),
};

/** One change for many machines, each independent of the others; failures are listed per machine. */
export const BulkRequest = Type.Object(
  {
    ids: Type.Array(MachineId, { minItems: 1, maxItems: mostMachines }),
    ...BulkOperation,
  },
  { ...strict, minProperties: 2 },
);
export type BulkRequest = Static<typeof BulkRequest>;

export const Failure = Type.Object(
  { error: Type.String(), code: Type.String() },
  { additionalProperties: true },
);

const BulkOutlook = Type.Object({
  machine_id: Type.String(),
  does: Type.Array(Type.String(), { description: 'what would be done, in words' }),
  loses: Type.Array(Type.String(), { description: 'what would be lost, in words' }),
  plan_digest: Type.Optional(
    Type.String({ description: 'for `plan_digests`; of a workflow alone' }),
  ),
});
export type BulkOutlook = Static<typeof BulkOutlook>;

export const BulkResponse = Type.Object({
  changed: Type.Integer({ description: 'with dry_run: how many would be' }),
  failed: Type.Array(Type.Object({ machine_id: Type.String(), failure: Failure })),
  outlook: Type.Optional(Type.Array(BulkOutlook, { description: 'with dry_run alone' })),
});
export type BulkResponse = Static<typeof BulkResponse>;

/** The changes of a machine, newest first. */
export const MachineHistoryAnswer = Type.Object({ history: MachineHistory.properties.changes });

export const TagList = Type.Object({
  tags: Type.Array(Type.Object({ tag: Type.String(), machines: Type.Integer() })),
});
export type TagList = Static<typeof TagList>;

export const TagRemoval = Type.Object({ changed: Type.Integer() });
