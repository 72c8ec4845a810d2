// Makes an agent's body fit its schema: cuts texts and lists, clamps measures, takes null as absent, and leaves
// out what an optional field cannot hold. An agent cannot correct itself, and its machine must not be lost over
// one field. A required field that is wrong stays wrong. Pure.
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { stringifyExact } from '../../core/text/exact-json.ts';
import { cut } from '../../core/text/unicode.ts';
import type { Problem } from '../../model/problem.ts';
import { isObject } from '../../core/is-object.ts';

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
}

/** null here means that there is none, which is not the same as not having looked. */
const nullCounts = 'existing_os';
/** A body of junk leaves no more problems than this. */
const mostProblems = 64;

export function mend(of: object, body: unknown): Mended {
  const schema: Schema = of;
  const variant = schema.anyOf === undefined ? schema : variantOf(schema.anyOf, body);
  if (variant === undefined || !isObject(body)) return { value: body, problems: [] };
  const problems: Problem[] = [];
  const mended = mendFields(variant, body, '', problems);
  for (const name of variant.required ?? []) {
    if (Object.hasOwn(body, name)) mended[name] ??= body[name];
  }
  return { value: withoutStaleHash(body, mended), problems: problems.slice(0, mostProblems) };
}

/** Returns undefined if the schema cannot hold what is left. */
function mendValue(schema: Schema, value: unknown, path: string, problems: Problem[]): unknown {
  const variant = schema.anyOf === undefined ? schema : variantOf(schema.anyOf, value);
  const told = problems.length;
  const mended = variant === undefined ? value : mendPlain(variant, value, path, problems);
  // The interface above is the part of such a schema that is read here.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  if (mended !== undefined && Check(schema as TSchema, mended)) return mended;
  // A part of it that it cannot do without has been named.
  if (problems.length === told) problems.push(leftOut(path, value));
  return undefined;
}

function mendPlain(schema: Schema, value: unknown, path: string, problems: Problem[]): unknown {
  if (typeof value === 'string') {
    return schema.maxLength === undefined ? value : cut(value, schema.maxLength);
  }
  if (typeof value === 'number' || typeof value === 'bigint') {
    return schema.type === 'number' ? within(schema, Number(value)) : value;
  }
  if (Array.isArray(value)) return mendList(schema, value, path, problems);
  return isObject(value) ? mendFields(schema, value, path, problems) : value;
}

/** Returns undefined if no item can be held: such a list says nothing, where an empty one says "none". */
function mendList(
  { items, maxItems }: Schema,
  list: readonly unknown[],
  path: string,
  problems: Problem[],
): unknown {
  const cutShort = list.slice(0, maxItems);
  if (items === undefined) return cutShort;
  const kept = cutShort
    .map((item, i) => mendValue(items, item, `${path}[${i}]`, problems))
    .filter((item) => item !== undefined);
  return kept.length === 0 && list.length > 0 ? undefined : kept;
}

/** The fields that can be held, and those that the schema does not know. */
function mendFields(
  { properties = {} }: Schema,
  value: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problem[],
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (field === undefined || (item === null && name === nullCounts)) {
      kept[name] = item;
    } else if (item !== null) {
      const mended = mendValue(field, item, path === '' ? name : `${path}.${name}`, problems);
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

function leftOut(path: string, value: unknown): Problem {
  const [section = path] = path.split(/[.[]/);
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return {
    code: isNumber ? 'wire.out-of-range' : 'wire.unreadable',
    section,
    source: `${path} of the check-in`,
    message: isNumber
      ? `${value} is out of range, and was left out`
      : `${kindOf(value)} that this field cannot hold, and was left out`,
  };
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean') return `a ${value}`;
  return typeof value === 'string' ? 'a text' : 'an object';
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
