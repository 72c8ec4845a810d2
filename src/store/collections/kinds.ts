// Every kind of document in the store: its table, its name and the indexes that find it. A new kind,
// or a new index, is a line in this table.
import { isJunkMac, normalizeMac } from '../../identity/macs.ts';
import { ownUuid } from '../../identity/placeholders.ts';
import { stateName, type Machine } from '../../model/machine.ts';
import { withNulls } from '../../model/nulls.ts';
import type { IdentityConflict, MachineHistory } from '../../model/history.ts';
import type { Setting } from '../../model/api/administration/settings.ts';
import type { ServerPresence } from '../../model/presence.ts';
import type { AuditEntry } from '../../model/documents/audit.ts';
import type { Token } from '../../model/documents/token.ts';
import type { Template } from '../../model/documents/template.ts';
import { inDragonflysSpelling } from '../../model/documents/template-spelling.ts';
import { withWholeSeconds, type Workflow } from '../../model/documents/workflow.ts';
import { logPieceName, type LogPiece } from '../../model/documents/machine-log.ts';
import { deliveryName, type Lease, type Webhook } from '../../model/documents/webhook.ts';
import { keyPart } from './keys.ts';
import { shapes, type ShapeFault } from './shapes.ts';

export type Values = Readonly<Record<string, string>>;

/** A kind of document. `By` has the type of the values that each index finds documents by. */
export interface Kind<T, By extends Values = Values> {
  readonly table: string;
  name(document: T): string;
  /** The first field that a stored document lacks. */
  readonly shape: ShapeFault;
  readonly indexes: { readonly [Index in keyof By]: (document: T) => readonly By[Index][] };
  /** The same in a list, with the beginning of each index's keys. */
  readonly tables: readonly IndexTable<T>[];
  /** All that the indexes look at, for kinds whose documents often change in other parts. */
  readonly indexed?: (document: T) => unknown;
  /** Brings a document of an earlier version up to date when it is read: the same one, or a mended copy. */
  readonly mended?: (document: T) => T;
}

/** A machine as its indexes see it: none of them may look at more than `indexedMachine` gives. */
interface IndexedMachine extends Pick<Machine, 'identity' | 'disk_clues'> {
  readonly config: Pick<Machine['config'], 'tags'>;
  readonly status: Pick<Machine['status'], 'state'>;
}

function indexedMachine({ identity, disk_clues, config, status }: Machine): IndexedMachine {
  return {
    identity,
    ...(disk_clues === undefined ? {} : { disk_clues }),
    config: { tags: config.tags },
    status: { state: status.state },
  };
}

interface IndexTable<T> {
  readonly prefix: string;
  readonly values: (document: T) => readonly string[];
}

export const kinds = {
  machines: defineKind(
    'machines',
    shapes.machine,
    (m: Machine) => m.id,
    {
      identity: (m: IndexedMachine) => [m.identity.identity_hash],
      mac: (m: IndexedMachine) => [macValue(m.identity.primary_mac)],
      any_mac: (m: IndexedMachine) =>
        [m.identity.primary_mac, ...m.identity.all_macs].map(macValue).filter((v) => !isJunkMac(v)),
      smbios_uuid: (m: IndexedMachine) => uuidValues(m.identity.smbios_uuid),
      disk: (m: IndexedMachine) => m.disk_clues ?? [],
      tag: (m: IndexedMachine) => m.config.tags,
      state: (m: IndexedMachine) => [stateName(m.status.state)],
    },
    { indexed: indexedMachine, mended: withNulls },
  ),
  histories: defineKind('machine_history', shapes.history, (h: MachineHistory) => h.machine_id, {}),
  conflicts: defineKind('conflicts', shapes.conflict, (c: IdentityConflict) => c.id, {
    machine: (c) => [c.machine_id, ...c.candidates.map((candidate) => candidate.machine_id)],
  }),
  templates: defineKind(
    'templates',
    shapes.template,
    (t: Template) => t.metadata.name,
    {},
    { mended: inDragonflysSpelling },
  ),
  workflows: defineKind(
    'workflows',
    shapes.workflow,
    (w: Workflow) => w.metadata.name,
    { machine: (w) => [w.spec.hardwareRef] },
    { mended: withWholeSeconds },
  ),
  settings: defineKind('settings', shapes.setting, (s: Setting) => s.key, {}),
  tokens: defineKind('tokens', shapes.token, (t: Token) => t.name, {}),
  presences: defineKind('presences', shapes.presence, (p: ServerPresence) => p.server, {}),
  audit: defineKind('audit', shapes.audit, (a: AuditEntry) => a.id, { record: (a) => a.records }),
  webhooks: defineKind('webhooks', shapes.webhook, (w: Webhook) => w.name, {}),
  deliveries: defineKind('deliveries', shapes.delivery, deliveryName, {}),
  leases: defineKind('leases', shapes.lease, (l: Lease) => l.work, {}),
  logs: defineKind('machine_logs', shapes.logPiece, (p: LogPiece) => logPieceName(p), {}),
};
export type Kinds = typeof kinds;
export type DocumentOf<K> = K extends Kind<infer T, infer _> ? T : never;
export type ValuesOf<K> = K extends Kind<infer _, infer By> ? By : never;

function defineKind<T extends object, By extends Values>(
  table: string,
  shape: ShapeFault,
  name: (document: T) => string,
  indexes: Kind<T, By>['indexes'],
  more: Pick<Kind<T, By>, 'indexed' | 'mended'> = {},
): Kind<T, By> {
  const tables = Object.entries(indexes).map(([index, values]) => ({
    prefix: indexTable({ table }, index),
    values,
  }));
  return { table, shape, name, indexes, tables, ...more };
}

/** Every kind, for what goes over the whole store. Its documents are only known to be objects. */
// A kind is only given documents of its own table.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
export const anyKinds = kinds as unknown as Readonly<Record<keyof Kinds, Kind<object>>>;
export const allKinds = Object.values(anyKinds);
// The table above has these keys and no others.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
export const kindNames = Object.keys(kinds) as readonly (keyof Kinds)[];

export function recordKey(kind: { readonly table: string }, name: string): string {
  return `${kind.table}/${keyPart(name)}`;
}

/** The keys of an index, of all its values, begin so. */
export function indexTable(kind: { readonly table: string }, index: string): string {
  return `${kind.table}_by_${index}/`;
}

export function indexPrefix(
  kind: { readonly table: string },
  index: string,
  value: string,
): string {
  return `${indexTable(kind, index)}${keyPart(value)}/`;
}

/** The keys of all index entries that a document must have, and no others. */
export function indexKeys<T, By extends Values>(kind: Kind<T, By>, document: T): string[] {
  const name = keyPart(kind.name(document));
  return kind.tables.flatMap(({ prefix, values }) =>
    distinct(values(document)).map((value) => `${prefix}${keyPart(value)}/${name}`),
  );
}

/** Each of the values once. Of a few, a look at those before takes less time than a set, for which V8 keeps each text. */
function distinct(values: readonly string[]): readonly string[] {
  if (values.length > 16) return [...new Set(values)];
  return values.filter((value, i) => values.indexOf(value) === i);
}

/** Normalises a MAC; anything else is used unchanged. */
export function macValue(mac: string): string {
  return normalizeMac(mac) ?? mac;
}

/** The value that an SMBIOS UUID is found by: none for one that identifies nothing. */
function uuidValues(uuid: string | null | undefined): string[] {
  const own = ownUuid(uuid);
  return own === null ? [] : [own.trim().toLowerCase()];
}
