// Readers as strict as the Rust types of a stock agent: what they refuse, it cannot parse either.

/** Reads one value, or throws with the path of what it cannot take. */
export type Reader<T> = (value: unknown, path: string) => T;

function refuse(path: string, value: unknown, wanted: string): never {
  throw new Error(`${path}: ${JSON.stringify(value)} is not ${wanted}`);
}

function whole(bits: number): Reader<number> {
  return (value, path) => {
    const isWhole = typeof value === 'number' && Number.isInteger(value);
    return isWhole && value >= 0 && value < 2 ** bits ? value : refuse(path, value, `a u${bits}`);
  };
}

export const u8 = whole(8);
export const u32 = whole(32);
export const u64 = whole(64);

export const bool: Reader<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : refuse(path, value, 'a boolean');

export const text: Reader<string> = (value, path) =>
  typeof value === 'string' ? value : refuse(path, value, 'a string');

function matching(pattern: RegExp, wanted: string): Reader<string> {
  return (value, path) =>
    typeof value === 'string' && pattern.test(value) ? value : refuse(path, value, wanted);
}

export const uuid = matching(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a UUID');
export const time = matching(
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/,
  'an RFC 3339 time',
);

export function oneOf<T extends string>(...names: readonly T[]): Reader<T> {
  return (value, path) =>
    names.find((name) => name === value) ?? refuse(path, value, `one of ${names.join(', ')}`);
}

/** `Option<T>` with serde's default: null, or not there. */
export function option<T>(read: Reader<T>): Reader<T | undefined> {
  return (value, path) => (value === undefined || value === null ? undefined : read(value, path));
}

/** A field with serde's default that is no Option: it may be left out, but null is refused. */
export function defaulted<T>(read: Reader<T>): Reader<T | undefined> {
  return (value, path) => (value === undefined ? undefined : read(value, path));
}

/** An enum, externally tagged: a variant without fields is its name, any other an object with that one key. */
export function tagged(variants: Readonly<Record<string, Reader<unknown> | undefined>>) {
  return (value: unknown, path: string): string => {
    if (typeof value === 'string' && value in variants && variants[value] === undefined) {
      return value;
    }
    const [[name, fields] = ['', undefined], ...others] = Object.entries(object(value, path));
    const read = variants[name];
    if (read === undefined || others.length > 0) return refuse(path, value, 'a known variant');
    read(fields, `${path}.${name}`);
    return name;
  };
}

export function list<T>(read: Reader<T>): Reader<T[]> {
  return (value, path) =>
    Array.isArray(value)
      ? value.map((item, i) => read(item, `${path}[${i}]`))
      : refuse(path, value, 'a list');
}

export function map<T>(read: Reader<T>): Reader<Record<string, T>> {
  return (value, path) =>
    Object.fromEntries(
      Object.entries(object(value, path)).map(([key, item]) => [key, read(item, `${path}.${key}`)]),
    );
}

type Fields = Readonly<Record<string, Reader<unknown>>>;

/** A struct: fields that it does not name are ignored, as serde does. */
export function struct<F extends Fields>(
  fields: F,
): Reader<{ [K in keyof F]: F[K] extends Reader<infer T> ? T : never }> {
  return (value, path) => {
    const given = object(value, path);
    return Object.fromEntries(
      Object.entries(fields).map(([key, read]) => [key, read(given[key], `${path}.${key}`)]),
    ) as { [K in keyof F]: F[K] extends Reader<infer T> ? T : never };
  };
}

function object(value: unknown, path: string): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : refuse(path, value, 'an object');
}
