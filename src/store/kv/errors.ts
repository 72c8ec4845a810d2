// Errors common to all backends.
import { AppError } from '../../core/errors.ts';
import type { KvExpectation } from './kv.ts';

/** The expectation of a commit does not hold. */
export function conflict(broken?: KvExpectation): AppError {
  return new AppError('store.conflict', 'the record was changed meanwhile', {
    details: broken === undefined ? {} : { expected: broken },
  });
}

export function closedError(): AppError {
  return new AppError('store.unavailable', 'the store is closed');
}

/** The backend takes no write at all, whatever it is. */
export class NoWrites extends AppError {
  readonly isOfAll = true;

  constructor(message: string, cause: unknown) {
    super('store.unavailable', message, { cause });
  }
}
