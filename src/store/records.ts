// What is stored: each kind of document with its key and its index entries. Written once for all
// backends; adding an index is a line here.
import { isJunkMac, normalizeMac } from '../identity/macs.ts';
import { uuidPlaceholder } from '../identity/placeholders.ts';
import { stateName, type Machine } from '../model/machine.ts';
import type { IdentityConflict, MachineHistory } from '../model/history.ts';
import type { Template } from '../model/template.ts';
import type { Workflow } from '../model/workflow.ts';
import { keyPart } from './keys.ts';

/** A kind of document: table name, key, and for each index the values it is found by. */
export interface Kind<T> {
  readonly table: string;
  name(document: T): string;
  readonly indexes: Readonly<Record<string, (document: T) => readonly string[]>>;
}

export const machines = {
  table: 'machines',
  name: (m: Machine) => m.id,
  indexes: {
    machines_by_identity: (m: Machine) => [m.identity.identity_hash],
    machines_by_mac: (m: Machine) => [macValue(m.identity.primary_mac)],
    machines_by_any_mac: (m: Machine) =>
      [m.identity.primary_mac, ...m.identity.all_macs].map(macValue).filter((v) => !isJunkMac(v)),
    machines_by_smbios_uuid: (m: Machine) => uuidValues(m.identity.smbios_uuid),
    machines_by_tag: (m: Machine) => m.config.tags,
    machines_by_state: (m: Machine) => [stateName(m.status.state)],
  },
} as const satisfies Kind<Machine>;

export const machineHistories = {
  table: 'machine_history',
  name: (h: MachineHistory) => h.machine_id,
  indexes: {},
} as const satisfies Kind<MachineHistory>;

export const conflicts = {
  table: 'conflicts',
  name: (c: IdentityConflict) => c.id,
  indexes: {
    conflicts_by_machine: (c: IdentityConflict) => [
      c.machine_id,
      ...c.candidates.map((candidate) => candidate.machine_id),
    ],
  },
} as const satisfies Kind<IdentityConflict>;

export const templates = {
  table: 'templates',
  name: (t: Template) => t.metadata.name,
  indexes: {},
} as const satisfies Kind<Template>;

export const workflows = {
  table: 'workflows',
  name: (w: Workflow) => w.metadata.name,
  indexes: { workflows_by_machine: (w: Workflow) => [w.spec.hardwareRef] },
} as const satisfies Kind<Workflow>;

/** A setting; its key is inside, because long keys are stored cut. */
export interface Setting {
  readonly key: string;
  readonly value: string;
}

export const settings = {
  table: 'settings',
  name: (s: Setting) => s.key,
  indexes: {},
} as const satisfies Kind<Setting>;

export function recordKey(kind: { readonly table: string }, name: string): string {
  return `${kind.table}/${keyPart(name)}`;
}

export function indexPrefix(index: string, value: string): string {
  return `${index}/${keyPart(value)}/`;
}

/** The keys of all index entries that a document must have, and no others. */
export function indexKeys<T>(kind: Kind<T>, document: T): Set<string> {
  const name = keyPart(kind.name(document));
  const keys = new Set<string>();
  for (const [index, values] of Object.entries(kind.indexes)) {
    for (const value of values(document)) keys.add(indexPrefix(index, value) + name);
  }
  return keys;
}

/** One spelling for a MAC; what is none is looked up as it stands. */
export function macValue(mac: string): string {
  return normalizeMac(mac) ?? mac;
}

/** The value that an SMBIOS UUID is found by: none for one that identifies nothing. */
function uuidValues(uuid: string | null | undefined): string[] {
  return uuid === null || uuid === undefined || uuidPlaceholder(uuid) !== undefined
    ? []
    : [uuid.trim().toLowerCase()];
}

const everyKind: readonly unknown[] = [
  machines,
  machineHistories,
  conflicts,
  templates,
  workflows,
  settings,
];

/** Every kind, for what goes over the whole store. Its documents are only known to be objects. */
// A kind is only given documents of its own table.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
export const allKinds = everyKind as readonly Kind<object>[];
