// Entity tags: they name the version of a document for If-Match.
import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors.ts';
import { stringifyExact } from '../../core/exact-json.ts';

/** A strong entity tag of a document. */
export function etag(document: unknown): string {
  const hash = createHash('sha256').update(stringifyExact(document)).digest('base64url');
  return `"${hash.slice(0, 22)}"`;
}

/** Refuses a change that is based on another version. Errors: AppError `request.stale`. */
export function refuseStale(ifMatch: string | undefined, current: string | undefined): void {
  if (ifMatch === undefined) return;
  const wanted = new Set(ifMatch.split(',').map((tag) => tag.trim()));
  const matches = current !== undefined && (wanted.has('*') || wanted.has(current));
  if (!matches) {
    throw new AppError(
      'request.stale',
      'another request changed this meanwhile; read it again and repeat the change',
      { details: { etag: current ?? null } },
    );
  }
}
