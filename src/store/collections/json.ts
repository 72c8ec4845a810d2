// Stored documents as JSON text. Every field survives being read and written again, those of other
// versions and integers beyond 2^53 (serde's u64) included.
import { AppError } from '../../core/errors.ts';
import { parseExact } from '../../core/text/exact-json.ts';

/** The document in a stored text. Errors: AppError `store.damaged`. */
export function parseDocument(key: string, text: string): object {
  let value: unknown;
  try {
    value = parseExact(text);
  } catch (err) {
    throw new AppError('store.damaged', `cannot parse the record ${key}`, { cause: err });
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new AppError('store.damaged', `the record ${key} is not a document`);
}
