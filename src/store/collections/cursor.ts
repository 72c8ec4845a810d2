// The cursors of lists, which lead from one page to the next.
import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors.ts';

/** A cursor is the last part of a key, and a sum that says of which list: anything else would be taken for its
 *  end. */
export function cursorAt(prefix: string, key: string | undefined): string | undefined {
  if (key === undefined) return undefined;
  const part = key.slice(prefix.length);
  return `${part}~${sumOf(prefix, part)}`;
}

function sumOf(prefix: string, part: string): string {
  return createHash('sha256').update(prefix).update(part).digest('base64url').slice(0, 8);
}

/** The key to go on after; undefined without a cursor. Errors: AppError `request.invalid`. */
export function position(prefix: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const end = cursor.lastIndexOf('~');
  const part = cursor.slice(0, Math.max(0, end));
  if (end < 1 || cursor.slice(end + 1) !== sumOf(prefix, part)) {
    throw new AppError('request.invalid', 'the cursor does not come from a page of this list', {
      details: { path: 'cursor' },
    });
  }
  return prefix + part;
}
