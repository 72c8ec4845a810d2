// JSON whose integers survive: one that a number cannot hold (beyond 2^53, as Rust's u64 may be) is a bigint
// in memory, and digits again in the text. Every smaller one is a number.

/** Every integer that a number cannot hold has this many digits. */
const unsafeDigits = 16;

/** The parts of the language's JSON that the compiler's library does not describe yet. */
interface RawJson {
  rawJSON(text: string): unknown;
}
// The interface above says what every supported Node has.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const rawJson = JSON as unknown as RawJson;

type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

/** The reviver that a text needs for `JSON.parse` to keep its integers; undefined where it needs none. */
export function exactReviver(text: string): Reviver | undefined {
  return hasLongInteger(text) ? keepExact : undefined;
}

/** Errors: SyntaxError. */
export function parseExact(text: string): unknown {
  const value: unknown = JSON.parse(text, exactReviver(text));
  return value;
}

/** Bigints become digits. `space` indents. Errors: TypeError for what has no text, such as a circle. */
export function stringifyExact(value: unknown, space?: number): string {
  try {
    return JSON.stringify(value, null, space);
  } catch (err) {
    // JSON.stringify refuses bigints. With a replacer it is many times slower, so only they pay for it.
    if (!(err instanceof TypeError)) throw err;
    return JSON.stringify(value, writeDigits, space);
  }
}

/** Only texts with a long integer are read the slow way. A run of digits elsewhere, in a serial number or a hash, is no
 *  reason. Looks at every 16th character: a run of 16 digits has one of them. */
function hasLongInteger(text: string): boolean {
  for (let i = unsafeDigits - 1; i < text.length; i += unsafeDigits) {
    if (!isDigit(text.charCodeAt(i))) continue;
    let start = i;
    while (isDigit(text.charCodeAt(start - 1))) start -= 1;
    while (isDigit(text.charCodeAt(i + 1))) i += 1;
    if (i - start >= unsafeDigits - 1 && beginsValue(text, start)) return true;
  }
  return false;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** True if what begins here may be a value: it is the first one, or comes after ":", "," or "[". */
function beginsValue(text: string, start: number): boolean {
  let before = start - 1;
  if (text.charAt(before) === '-') before -= 1;
  while (' \t\n\r'.includes(text.charAt(before)) && before >= 0) before -= 1;
  return before < 0 || ':,['.includes(text.charAt(before));
}

function keepExact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source ?? '';
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

function writeDigits(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? rawJson.rawJSON(String(value)) : value;
}
