// The limits of what an agent sends, one table for both ends: the agent cuts what it sends to them, and the
// server what it receives. Stored documents have no limits. No schema library is loaded here, because the
// agent has none.
import type { TSchema } from 'typebox';
import { cut } from '../../core/text/unicode.ts';

/** The longest texts, in characters, by the name of their field; a list's texts by the list's. */
const textLimits: Readonly<Record<string, number>> = {
  agent_version: 64,
  all_macs: 64,
  bmc_address: 64,
  boot_id: 64,
  code: 64,
  error: 1024,
  fs_uuid: 128,
  hostname: 255,
  identity_hash: 128,
  initrd_path: 1024,
  'interfaces.name': 64,
  ip_address: 64,
  kernel_path: 1024,
  'lines.text': 1024,
  mac: 64,
  machine_id: 128,
  message: 1024,
  nameservers: 64,
  section: 64,
  smbios_uuid: 128,
  source: 512,
  step: 32,
  stream: 64,
  virt_platform: 64,
  workflow: 64,
  wwn: 1024,
};
const otherTexts = 256;

/** The longest lists, in items, by the name of their field. */
const listLimits: Readonly<Record<string, number>> = {
  boot_timeline: 32,
  contents: 32,
  disks: 4096,
  gpus: 256,
  lines: 256,
  nameservers: 64,
  vlans: 4096,
};
const otherLists = 1024;

/** A field by its name and that of the list or object it is in. */
interface Place {
  readonly name: string;
  readonly within: string;
}
const top: Place = { name: '', within: '' };

function inside({ name }: Place, field: string): Place {
  return { name: field, within: name };
}

function textLimit({ name, within }: Place): number {
  return textLimits[`${within}.${name}`] ?? textLimits[name] ?? otherTexts;
}

function listLimit({ name }: Place): number {
  return listLimits[name] ?? otherLists;
}

/** All fields of T, each at most undefined: for an object that must not forget one. */
export type Every<T> = { [K in keyof Required<T>]: T[K] | undefined };

/** Returns the fields that have a value; null means "not known". */
export function told<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const said: { [K in keyof T]?: NonNullable<T[K]> } = {};
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined && value !== null) said[key] = value;
  }
  return said;
}

/** The value with its texts and lists cut to the limits: one overlong model string must not keep a machine
 *  from registering. null is left out, since Dragonfly's server takes it for few fields; that of
 *  `existing_os` says that there is none. */
export function fit<T>(value: T): T {
  // Cutting texts and lists short changes no type.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return fitAt(value, top) as T;
}

function fitAt(value: unknown, place: Place): unknown {
  if (typeof value === 'string') return cut(value.toWellFormed(), textLimit(place));
  if (Array.isArray(value)) {
    return value.slice(0, listLimit(place)).map((item: unknown) => fitAt(item, place));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, item]) => item !== null || name === 'existing_os')
      .map(([name, item]) => [name, fitAt(item, inside(place, name))]),
  );
}

/** The schema of a request, with a limit for each text and list, and no number below zero. */
export function bounded<T extends TSchema>(schema: T): T {
  // The same schema with fewer values: their type stays.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return boundedAt(schema, top) as T;
}

function boundedAt(schema: object, place: Place): object {
  const limited = { ...limitOf(schema, place), ...partsOf(schema, place) };
  // The schema library marks its schemas by properties that are not enumerable.
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema));
  return Object.assign(copy, limited);
}

function limitOf(schema: object, place: Place): object {
  const { type, ...given } = { type: undefined, ...schema };
  if (type === 'string' && !('const' in given || 'format' in given)) {
    return { maxLength: textLimit(place) };
  }
  if (type === 'array') return { maxItems: listLimit(place) };
  if (type === 'number') return { minimum: 0 };
  if (type === 'integer') return { minimum: 0, maximum: Number.MAX_SAFE_INTEGER, ...given };
  return {};
}

/** The schemas that a schema is made of, bounded. */
function partsOf(schema: object, place: Place): object {
  if ('properties' in schema) {
    const fields = Object.entries<object>(Object(schema.properties));
    const limited = fields.map(([name, field]) => [name, boundedAt(field, inside(place, name))]);
    return { properties: Object.fromEntries(limited) };
  }
  if ('items' in schema) return { items: boundedAt(Object(schema.items), place) };
  if ('anyOf' in schema && Array.isArray(schema.anyOf)) {
    return { anyOf: schema.anyOf.map((one: object) => boundedAt(one, place)) };
  }
  return {};
}
