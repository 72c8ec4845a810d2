// Stored documents as JSON text. Every field survives being read and written again, those of other
// versions and integers beyond 2^53 (serde's u64) included.
import { AppError } from '../../core/errors.ts';

/** Only texts with a run of digits this long are read the slow way. */
const maybeUnsafe = /\d{16}/;

/** The parts of the language's JSON that the compiler's library does not describe yet. */
interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): unknown;
}
// The interface above says what every supported Node has.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const exactJson = JSON as unknown as ExactJson;

/** The document in a stored text. Integers that a number cannot hold become `JSON.rawJSON` objects,
 *  which `JSON.stringify` writes back digit by digit. Errors: AppError `store.damaged`. */
export function parseDocument(key: string, text: string): object {
  let value: unknown;
  try {
    value = maybeUnsafe.test(text) ? exactJson.parse(text, keepExact) : JSON.parse(text);
  } catch (err) {
    throw new AppError('store.damaged', `cannot parse the record ${key}`, { cause: err });
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new AppError('store.damaged', `the record ${key} is not a document`);
}

function keepExact(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context.source ?? '';
  return /^-?\d+$/.test(source) ? exactJson.rawJSON(source) : value;
}
