// The failures between agent and server, sorted by what the agent does about them.
// Making the errors belongs to transport.ts, waiting to state.ts.
import { AppError, isAppError, type ErrorCode } from '../core/errors.ts';

export type FailureKind =
  /** No connection, no answer in time, a broken answer, 5xx, or not a Dragonfly server: retried for ever. */
  | 'network'
  /** 429 or 503: the server is overloaded, and may have said when to come back. */
  | 'busy'
  /** 401 or 403: enrol again. */
  | 'unauthorized'
  /** 404: the server does not know this machine. */
  | 'unknown'
  /** 409 and the other 4xx: repeating the request at once cannot help. */
  | 'rejected'
  /** The agent's own side: no NIC, a failed action, a bug. */
  | 'local';

export interface Failure {
  readonly kind: FailureKind;
  readonly error: AppError;
  /** The delay that Retry-After asked for. Units: milliseconds. */
  readonly retryAfterMs?: number;
}

/** Classifies an error of a Transport or of the agent's own work. */
export function classifyFailure(err: unknown): Failure {
  const error = isAppError(err)
    ? err
    : new AppError('internal.bug', 'an unexpected error in the agent', { cause: err });
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

/** True if the server may have acted on the request although its answer was lost. The very same request,
 *  with the same sequence, must then be sent again. */
export function isAmbiguous(failure: Failure): boolean {
  return failure.kind === 'network' || failure.kind === 'busy';
}

/** True for a 4xx that repeating cannot fix. 409 is excluded because it clears by itself. */
export function isRefusal({ kind, error }: Failure): boolean {
  return kind === 'rejected' && error.details['status'] !== 409;
}
