// What can go wrong between agent and server, sorted by what the agent does about it.
// Making the errors belongs to transport.ts, waiting to state.ts.
import { AppError, isAppError, type ErrorCode } from '../core/errors.ts';

export type FailureKind =
  /** No connection, no answer in time, a broken answer, 5xx, or not our server: retried for ever. */
  | 'network'
  /** 429 or 503: the server said when to come back, or is overloaded. */
  | 'busy'
  /** 401 or 403: enrol again. */
  | 'unauthorized'
  /** 404: the server does not know this machine. */
  | 'unknown'
  /** 409 and the other 4xx: repeating the same at once cannot help. */
  | 'rejected'
  /** The agent's own side: no NIC found, an action that failed, a bug. */
  | 'local';

export interface Failure {
  readonly kind: FailureKind;
  readonly error: AppError;
  /** What Retry-After asked for. Units: milliseconds. */
  readonly retryAfterMs?: number;
}

/** Sorts an error of a Transport or of the agent's own work. */
export function classifyFailure(err: unknown): Failure {
  const error = isAppError(err)
    ? err
    : new AppError('internal.bug', 'the agent met an error of its own', { cause: err });
  const retryAfterMs = error.details['retryAfterMs'];
  return {
    kind: kindOf(error),
    error,
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
  };
}

const networkCodes = new Set<ErrorCode>([
  'server.unreachable',
  'server.garbled',
  'server.untrusted',
]);

function kindOf(error: AppError): FailureKind {
  if (networkCodes.has(error.code)) return 'network';
  if (error.code !== 'server.rejected') return 'local';
  switch (error.details['status']) {
    case 401:
    case 403:
      return 'unauthorized';
    case 404:
      return 'unknown';
    case 429:
    case 503:
      return 'busy';
    default:
      return Number(error.details['status']) >= 500 ? 'network' : 'rejected';
  }
}

/** Whether the server may have acted on the request although its answer was lost, so that the very
 *  same request (same sequence) must be sent again. */
export function isAmbiguous(failure: Failure): boolean {
  return failure.kind === 'network' || failure.kind === 'busy';
}

/** Whether the server will never take what it was told as it is: the other 4xx, but no conflict (409),
 *  of which it knows and which passes. */
export function isRefusal({ kind, error }: Failure): boolean {
  return kind === 'rejected' && error.details['status'] !== 409;
}
