// The first id of a time: ids are UUIDv7, which begin with the time they were made at.
import { invalid } from './violations.ts';

/** The beginning that every UUIDv7 of this time and later sorts after; `text` is the query field `since`. Errors:
 *  AppError `request.invalid`. */
export function idAt(text: string): string {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    const message = 'is not a time that this server knows';
    throw invalid('querystring', [{ instancePath: '/since', message, params: {} }]);
  }
  return firstIdAt(ms);
}

/** As `idAt`, of milliseconds since 1970. */
export function firstIdAt(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
