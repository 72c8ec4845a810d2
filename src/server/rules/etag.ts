// Entity tags: they name the version of a document for If-Match.
import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';

/** A strong entity tag of a document. */
export function etag(document: unknown): string {
  return `"${fingerprint(document)}"`;
}

/** 22 letters, digits, "-" and "_" for a document: others for any other one. */
export function fingerprint(document: unknown): string {
  return createHash('sha256').update(stringifyExact(document)).digest('base64url').slice(0, 22);
}

/** Refuses a change that is based on another version. Errors: AppError `request.stale`. */
export function refuseStale(ifMatch: string | undefined, current: string | undefined): void {
  if (ifMatch === undefined) return;
  if (current !== undefined && isOneOf(ifMatch, current)) return;
  throw new AppError(
    'request.stale',
    'another request changed this meanwhile; read it again and repeat the change',
    { details: { etag: current ?? null } },
  );
}

/** True if a list of entity tags has this one, or is "*". */
export function isOneOf(list: string, tag: string): boolean {
  return list.split(',').some((one) => ['*', tag].includes(one.trim().replace(/^W\//, '')));
}

/** The conditions that a PUT may carry. */
export interface Conditions {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}

/** Refuses a PUT whose conditions do not hold of the `current` tag. Source: RFC 9110, section 13.2.
 *  Errors: AppError `request.stale`. */
export function refuseUnmet(conditions: Conditions, current: string | undefined): void {
  refuseStale(conditions['if-match'], current);
  const unwanted = conditions['if-none-match'];
  if (unwanted === undefined || current === undefined || !isOneOf(unwanted, current)) return;
  throw new AppError(
    'request.stale',
    'this exists already, and If-None-Match says that it must not',
    {
      details: { etag: current },
    },
  );
}

/** True if a PUT carries any. */
export function hasConditions(conditions: Conditions): boolean {
  return conditions['if-match'] !== undefined || conditions['if-none-match'] !== undefined;
}
