// A failure as an answer tells it: a sentence and a code, and of a bug or of damage nothing more.
import { AppError, describeError, httpStatus, isAppError } from '../../core/errors.ts';

export interface Failure {
  readonly error: string;
  readonly code: string;
  readonly [detail: string]: unknown;
}

/** The same error, or `internal.bug` for one that no route answers. */
export function answerable(err: unknown): AppError {
  if (isAppError(err) && httpStatus(err.code) !== null) return err;
  return new AppError('internal.bug', 'a bug', { cause: err });
}

/** A bug tells the client nothing of itself. The causes of damage may quote what is stored. */
export function failureOf(failure: AppError): Failure {
  const { code, details, message } = failure;
  if (code === 'internal.bug') return { error: 'the server failed; its log has the details', code };
  if (httpStatus(code) === 500) {
    return { error: `${message}; the log of the server has the details`, code };
  }
  return { error: describeError(failure), code, ...details };
}
