// The error of a commit whose expectation does not hold, the same for every backend.
import { AppError } from '../core/errors.ts';
import type { KvExpectation } from './kv.ts';

export function conflict(broken?: KvExpectation): AppError {
  return new AppError('store.conflict', 'the record was changed in between', {
    details: broken === undefined ? {} : { expected: broken },
  });
}
