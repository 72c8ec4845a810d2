// The spelling of a template's fields. People write `efi_size: 512` and lists; Dragonfly's types have strings,
// and refuse the whole template for anything else.
import type { Template } from './template.ts';
import { isObject } from '../../core/is-object.ts';

/** Text in Dragonfly's types, and may be written as a number or a list. Not `mode`: of 420 nobody knows
 *  whether it is meant as octal. */
const texts: ReadonlySet<string> = new Set([
  'root_partition',
  'efi_size',
  'swap_size',
  'boot_order',
  'extra_packages',
]);

/** The template with these fields as strings, lists joined by commas, and without nulls, which are as good as
 *  absent. Anything else stays as it is, also in what is no template. */
export function inDragonflysSpelling(template: Template): Template;
export function inDragonflysSpelling(document: unknown): unknown;
export function inDragonflysSpelling(document: unknown): unknown {
  if (!isObject(document)) return document;
  const { metadata, spec, ...rest } = withoutNulls(document);
  return {
    ...rest,
    ...(metadata === undefined ? {} : { metadata: respelledMetadata(metadata) }),
    ...(spec === undefined ? {} : { spec: respelledSpec(spec) }),
  };
}

/** RFC 3339 allows small letters in times, and Dragonfly's types do not. */
function respelledMetadata(metadata: unknown): unknown {
  const kept = withoutNulls(metadata);
  if (!isObject(kept) || typeof kept['creationTimestamp'] !== 'string') return kept;
  return { ...kept, creationTimestamp: kept['creationTimestamp'].toUpperCase() };
}

function respelledSpec(spec: unknown): unknown {
  if (!isObject(spec)) return spec;
  const { actions, ...rest } = spec;
  const respelled = Array.isArray(actions) ? actions.map(respelledAction) : actions;
  return withoutNulls({ ...rest, ...(actions === undefined ? {} : { actions: respelled }) });
}

function respelledAction(action: unknown): unknown {
  if (!isObject(action)) return action;
  const fields = Object.entries(action).filter(([, value]) => value !== null);
  return Object.fromEntries(
    fields.map(([name, value]) => [name, texts.has(name) ? asText(value) : value]),
  );
}

function asText(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return isList ? value.join(',') : value;
}

function withoutNulls<T>(value: T): T {
  if (!isObject(value)) return value;
  // Optional fields alone may be null.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null)) as T;
}
