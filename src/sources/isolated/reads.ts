// The words between the agent and a process that reads files for it. Both ends have the same version: the process is
// serve-reads.ts, or in the netboot image initramfs/c/read-files.c. Its first line says that it is ready.
import { AppError, type ErrorCode } from '../../core/errors.ts';
import type { Files, Range } from '../files.ts';
import { absentOrThrow, readError, systemError } from '../read-error.ts';

export interface Request {
  readonly method: keyof Files;
  readonly path: string;
  readonly range?: Range | undefined;
}

/** A line of JSON for each request. Without bytes and an error: there is no such file. Names of a directory have a NUL
 *  behind each. */
export interface Answer {
  readonly base64?: string;
  /** The kernel's number of what was wrong. */
  readonly errno?: number;
  readonly code?: ErrorCode;
  /** More than a code, where the process has it. */
  readonly error?: {
    readonly message: string;
    readonly reason: string | undefined;
    readonly details: Readonly<Record<string, unknown>>;
  };
}

/** A whole file has the length -1. A path may hold anything but NUL. */
export function formatRequest({ method, path, range }: Request): string {
  return `${method} ${range?.offset ?? 0} ${range?.length ?? -1} ${path}\0`;
}

/** Reads what formatRequest() made, without the NUL. */
export function parseRequest(text: string): Request {
  const [, method = '', offset, length, path = ''] = /^(\w+) (\d+) (-?\d+) (.*)$/s.exec(text) ?? [];
  const range = length === '-1' ? undefined : { offset: Number(offset), length: Number(length) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other end is of the same version
  return { method: method as keyof Files, path, range };
}

export function formatNames(names: readonly string[]): string {
  return names.map((name) => `${name}\0`).join('');
}

/** In order. */
export function parseNames(text: string): string[] {
  return text.split('\0').slice(0, -1).toSorted();
}

/** Errors: AppError `read.*`, where the answer says so. */
export function bytesOf({ base64, errno, code, error }: Answer, path: string): Buffer | undefined {
  if (errno !== undefined) return absentOrThrow(systemError(errno), path);
  if (code !== undefined && error !== undefined) {
    const { message, reason, details } = error;
    const cause = reason === undefined ? undefined : new Error(reason);
    throw new AppError(code, message, { cause, details: { ...details } });
  }
  if (code !== undefined) throw readError(code, path);
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}
