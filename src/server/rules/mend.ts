// Makes an agent's body fit its schema: cuts texts and lists, clamps measures, takes null as absent, drops
// counts out of range. An agent cannot correct itself, and its machine must not be lost over one field. A
// wrong type stays wrong. Pure.
import { stringifyExact } from '../../core/exact-json.ts';
import { cut } from '../../core/text.ts';
import type { Problem } from '../../model/problem.ts';

export interface Mended {
  readonly value: unknown;
  /** The fields that were left out. */
  readonly problems: readonly Problem[];
}

/** The parts of a JSON schema that matter here. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
}

/** null here means that there is none, which is not the same as not having looked. */
const nullCounts = 'existing_os';

export function mend(schema: object, value: unknown): Mended {
  const problems: Problem[] = [];
  const mended = mendValue(schema, value, '', problems) ?? value;
  return { value: withoutStaleHash(value, mended), problems };
}

/** Returns undefined if nothing is left. */
function mendValue(schema: Schema, value: unknown, path: string, problems: Problem[]): unknown {
  if (schema.anyOf !== undefined) {
    const variant = variantOf(schema.anyOf, value);
    return variant === undefined ? value : mendValue(variant, value, path, problems);
  }
  if (typeof value === 'string') {
    return schema.maxLength === undefined ? value : cut(value, schema.maxLength);
  }
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (schema.type === 'number') return within(schema, Number(value));
    if (!isCount(schema) || isInRange(schema, value)) return value;
    problems.push(leftOut(path, value));
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return mendList(schema, value, path, problems);
  return mendObject(schema, value, path, problems);
}

function mendList(
  { items, maxItems }: Schema,
  list: readonly unknown[],
  path: string,
  problems: Problem[],
): unknown {
  const kept = list.slice(0, maxItems);
  if (items === undefined) return kept;
  return kept
    .map((item, i) => mendValue(items, item, `${path}[${i}]`, problems))
    .filter((item) => item !== undefined);
}

function mendObject(
  { properties = {}, required = [] }: Schema,
  value: object,
  path: string,
  problems: Problem[],
): unknown {
  const kept: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const isRequired = required.includes(name);
    if (field === undefined || (item === null && (isRequired || name === nullCounts))) {
      kept[name] = item;
    } else if (item !== null) {
      const at = path === '' ? name : `${path}.${name}`;
      const mended = mendValue(field, item, at, problems);
      // Without a required field the whole is worthless.
      if (mended === undefined && isRequired) return undefined;
      if (mended !== undefined) kept[name] = mended;
    }
  }
  return kept;
}

/** Picks the schema that a value is meant for: an object tells by its `type`. */
export function variantOf(variants: readonly Schema[], value: unknown): Schema | undefined {
  if (value === null) return variants.find(({ type }) => type === 'null');
  const possible = variants.filter(({ type }) => type !== 'null');
  if (possible.length === 1) return possible[0];
  const { type: tag } = { type: undefined, ...Object(value) };
  return possible.find(
    ({ properties }) => tag !== undefined && properties?.['type']?.const === tag,
  );
}

function within({ minimum = -Infinity, maximum = Infinity }: Schema, value: number): number {
  return Math.min(Math.max(value, minimum), maximum);
}

function isCount({ type }: Schema): boolean {
  return type === 'integer' || (Array.isArray(type) && type.includes('integer'));
}

function isInRange(schema: Schema, value: number | bigint): boolean {
  const { minimum = -Infinity, maximum = Infinity, exclusiveMaximum = Infinity } = schema;
  const isWhole = typeof value === 'bigint' || Number.isInteger(value);
  return isWhole && value >= minimum && value <= maximum && value < exclusiveMaximum;
}

function leftOut(path: string, value: number | bigint): Problem {
  const [section = path] = path.split(/[.[]/);
  return {
    code: 'wire.out-of-range',
    section,
    source: `${path} of the check-in`,
    message: `${value} is out of range, and was left out`,
  };
}

/** The agent's hash covers what it sent, so it is useless once one of those fields was mended. */
function withoutStaleHash(before: unknown, after: unknown): unknown {
  if (hashedFields(before) === hashedFields(after)) return after;
  const { identity_hash: _stale, ...rest } = Object(after);
  return rest;
}

function hashedFields(request: unknown): string {
  const { all_macs, interfaces, smbios_uuid, machine_id, existing_os } = Object(request);
  const ports = Array.isArray(interfaces) ? interfaces.map((port) => Object(port).mac) : null;
  return stringifyExact([all_macs, ports, smbios_uuid, machine_id, Object(existing_os).machine_id]);
}
