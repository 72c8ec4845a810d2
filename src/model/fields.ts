// Field types that the schemas of several entities share.
import { Type, type TSchema } from 'typebox';

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const Timestamp = Type.String({ format: 'date-time', description: 'RFC 3339 in UTC' });

const pairs = '[0-9A-Fa-f]{2}(?:[-:][0-9A-Fa-f]{2}){5}';
const dotted = '(?:[0-9A-Fa-f]{4}\\.){2}[0-9A-Fa-f]{4}';

/** In every spelling that identity/macs.ts reads. */
export const MacAddress = Type.String({
  pattern: `^\\s*(?:${pairs}|[0-9A-Fa-f]{12}|${dotted})\\s*$`,
});

type Described = { readonly description?: string };

const whole =
  (maximum: number) =>
  (options: Described = {}) =>
    Type.Integer({ minimum: 0, maximum, ...options });

// The integers of Dragonfly's documents, within the bounds of their Rust types.
export const U8 = whole(255);
export const U32 = whole(4_294_967_295);

/** Beyond 2^53 it is a bigint: see core/text/exact-json.ts. */
export const U64 = (options: Described = {}) =>
  Type.Unsafe<number | bigint>({
    type: ['integer', 'bigint'],
    minimum: 0,
    exclusiveMaximum: 2 ** 64,
    ...options,
  });

/** Texts by key. A key has 1 to `longest` characters, none of them a control character; others are refused. */
export const textsByKey = <T extends TSchema>(
  longest: number,
  value: T,
  options: { readonly maxProperties?: number } = {},
) =>
  Type.Record(Type.String({ pattern: `^[^\\u0000-\\u001f\\u007f]{1,${longest}}$` }), value, {
    additionalProperties: false,
    ...options,
  });
