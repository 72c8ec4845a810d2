// Compares JSON documents, several times as quickly as node:util's deep comparison, which also knows circles, prototypes
// and other things that are in no document.

/** Compares values of JSON, bigints among them. The order of an object's fields does not count; one that is undefined is
 *  not there. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (!Array.isArray(a)) return !Array.isArray(b) && isSameObject(Object(a), Object(b));
  if (!Array.isArray(b) || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (!isSameJson(a[i], b[i])) return false;
  return true;
}

type Fields = Readonly<Record<string, unknown>>;

function isSameObject(a: Fields, b: Fields): boolean {
  let count = 0;
  for (const name in a) {
    if (a[name] === undefined) continue;
    if (!Object.hasOwn(b, name) || !isSameJson(a[name], b[name])) return false;
    count += 1;
  }
  for (const name in b) if (b[name] !== undefined) count -= 1;
  return count === 0;
}
