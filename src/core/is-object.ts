// Tells JSON objects from other values. Pure.

/** True for an object with fields: no null, no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
