// The OpenAPI document as a fuzzer reads it: operations with their parameters, bodies and answers, all references
// replaced by what they refer to.
import { Compile, type XSchema } from 'typebox/schema';
import type { Schema } from './draw.ts';

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly { in: string; name: string; required?: boolean; schema: Schema }[];
  readonly body: { readonly schema: Schema; readonly example?: unknown } | undefined;
  readonly answers: Readonly<Record<string, { content?: Record<string, { schema: Schema }> }>>;
}

/** `text`: the document as JSON. */
export function operationsOf(text: string): Operation[] {
  const document = Object(JSON.parse(text));
  const found: Operation[] = [];
  for (const [path, methods] of Object.entries(Object(document.paths))) {
    for (const [method, described] of Object.entries(Object(methods))) {
      if (method === 'head') continue;
      const { parameters = [], requestBody, responses } = whole(document, described);
      const body = requestBody?.content?.['application/json'];
      found.push({ method: method.toUpperCase(), path, parameters, body, answers: responses });
    }
  }
  return found;
}

// A document has any shape.
// oxlint-disable-next-line typescript/no-explicit-any
function whole(document: unknown, value: unknown): any {
  if (Array.isArray(value)) return value.map((item) => whole(document, item));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref: reference, ...rest } = Object(value);
  if (typeof reference !== 'string')
    return Object.fromEntries(Object.entries(rest).map(([k, v]) => [k, whole(document, v)]));
  let target: unknown = document;
  for (const part of reference.slice(2).split('/')) target = Object(target)[part];
  return whole(document, target);
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const checks = new Map<XSchema, { readonly Check: (value: unknown) => boolean }>();

/** The fault of an answer by the document; undefined if it has none. */
export function undescribed({ answers }: Operation, answer: Answer): string | undefined {
  const { status, type, text } = answer;
  const described = answers[String(status)] ?? answers[`${String(status)[0]}XX`];
  if (described === undefined) return `the document has no answer ${status}`;
  if (text === '') return undefined;
  const content = described.content?.[type];
  if (content === undefined) return `the document has no ${type || 'content'} for ${status}`;
  if (!/[/+]json$/.test(type)) return undefined;
  const { schema } = content;
  const check = checks.get(schema) ?? Compile(schema);
  checks.set(schema, check);
  const value: unknown = JSON.parse(text);
  if (!check.Check(value)) return `the document describes another body than ${text.slice(0, 500)}`;
  const extra = status < 300 ? unknownField(schema, value, '') : undefined;
  return extra === undefined ? undefined : `the document does not describe the field ${extra}`;
}

/** The first field that no schema names; undefined where each has one. */
function unknownField(schema: Schema, value: unknown, at: string): string | undefined {
  const { anyOf, oneOf, allOf, properties, items, additionalProperties } = schema;
  const variants = [anyOf, oneOf, allOf].find((list) => Array.isArray(list));
  if (Array.isArray(variants)) {
    const found = variants.map((variant) => unknownField(Object(variant), value, at));
    return found.includes(undefined) ? undefined : found[0];
  }
  if (Array.isArray(value)) {
    for (const item of value) {
      const found = unknownField(Object(items), item, `${at}[]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (typeof value !== 'object' || value === null || properties === undefined) return undefined;
  for (const [name, item] of Object.entries(value)) {
    const inner = Object(properties)[name];
    if (inner === undefined && additionalProperties === undefined) return `${at}.${name}`;
    const found = inner && unknownField(Object(inner), item, `${at}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
