// Maps an errno to what it means for a probe: not there, or there but unreadable.
// getSystemErrorMap is imported by name: a namespace import would make the bundle load all of node:util,
// worker threads included, a tenth of the cost of an inventory.
import { getSystemErrorMap } from 'node:util';
import { AppError, type ErrorCode } from '../core/errors.ts';

/** The kernel's codes for "there is no such thing, or it has no value", which are not worth a problem. A
 *  network interface that is down answers EINVAL to a read of its speed. */
const absentCodes = new Set([
  'ENOENT',
  'ENOTDIR',
  'ENODEV',
  'ENXIO',
  'EINVAL',
  'ESRCH',
  // EOPNOTSUPP, in libuv's spelling.
  'ENOTSUP',
]);

const codes: Readonly<Record<string, ErrorCode>> = {
  EACCES: 'read.denied',
  EPERM: 'read.denied',
  EISDIR: 'read.not-a-file',
};

/** The errno name of a failed system call ("ENOENT"), if that is what `err` is. */
export function errnoOf(err: unknown): string | undefined {
  const code: unknown = err instanceof Error && 'code' in err ? err.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The error of a failed system call, of which only the kernel's number is known. */
export function systemError(number: number): Error {
  const [code = `errno ${number}`, message = ''] = getSystemErrorMap().get(-number) ?? [];
  return Object.assign(new Error(message), { code, errno: -number });
}

/** Returns undefined for what is not there; throws an AppError `read.*` for everything else. */
export function absentOrThrow(err: unknown, path: string): undefined {
  if (err instanceof AppError) throw err;
  const errno = errnoOf(err);
  if (errno !== undefined && absentCodes.has(errno)) return undefined;
  throw readError(codes[errno ?? ''] ?? 'read.failed', path, err);
}

/** An error of reading `path`, with the path in message and details. */
export function readError(code: ErrorCode, path: string, cause?: unknown): AppError {
  const errno = errnoOf(cause);
  return new AppError(code, reasons[code]?.(path) ?? `cannot read ${path}`, {
    cause: reasonOf(cause),
    details: { path, ...(errno === undefined ? {} : { errno }) },
  });
}

/** A read or a command that did not end in time. */
export function timeoutError(what: string, timeoutMs: number): AppError {
  return new AppError('read.timeout', `gave up on ${what} after ${timeoutMs} ms`, {
    details: { path: what },
  });
}

const reasons: Partial<Record<ErrorCode, (path: string) => string>> = {
  'read.not-a-file': (path) => `cannot read ${path}, which is not a regular file`,
  'read.too-large': (path) => `cannot read ${path}, which is larger than any such file should be`,
};

/** The kernel's reason without the path that Node adds to its message. In a replay that would be a path of
 *  the replaying host. */
function reasonOf(cause: unknown): unknown {
  const errno = errnoOf(cause);
  if (errno === undefined || !(cause instanceof Error) || !('errno' in cause)) return cause;
  const message = getSystemErrorMap().get(Number(cause.errno))?.[1];
  return new Error(message === undefined ? errno : `${errno}: ${message}`);
}
