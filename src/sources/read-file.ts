// Reads a file of a host with care, because it may be a FIFO, endless, huge or binary. Must not know what
// any file means.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { readError } from './read-error.ts';

/** More than any file that describes a machine: /proc/cpuinfo of 1024 CPUs has 2 MB. */
export const maxFileBytes = 16 * 1024 * 1024;

/** Opening must neither wait for a FIFO's writer nor acquire a terminal. */
export const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** One buffer serves all reads: they are synchronous, and most files are smaller than a page. */
const page = Buffer.allocUnsafeSlow(64 * 1024);

export interface ReadOptions {
  readonly range?: { offset: number; length: number } | undefined;
  /** Fail with ELOOP rather than follow a link in the last component. */
  readonly noFollow?: boolean;
  /** Accept a device (read only by range: /dev/cpu/0/cpuid, the superblock of a disk). */
  readonly device?: boolean;
}

/** Passes the bytes of a regular file to `use`, which must copy what it keeps.
 *  Errors: errno errors as they come; AppError `read.not-a-file`, `read.too-large`. */
export function readFile<T>(
  file: string,
  path: string,
  options: ReadOptions,
  use: (bytes: Buffer) => T,
): T {
  const fd = openSync(
    file,
    options.noFollow === true ? openFlags | constants.O_NOFOLLOW : openFlags,
  );
  try {
    const stat = fstatSync(fd);
    const isDevice = stat.isCharacterDevice() || stat.isBlockDevice();
    if (!stat.isFile() && !(options.device === true && isDevice)) {
      throw readError('read.not-a-file', path);
    }
    return use(readOpen(fd, path, stat.size, options.range));
  } finally {
    closeSync(fd);
  }
}

function readOpen(fd: number, path: string, size: number, range: ReadOptions['range']): Buffer {
  if (range !== undefined && range.length > maxFileBytes) throw readError('read.too-large', path);
  if (range === undefined && size > maxFileBytes) throw readError('read.too-large', path);
  const end = range?.length ?? maxFileBytes + 1;
  let buffer: Buffer = page;
  let filled = 0;
  // Files of sysfs and procfs report size 0 or 4096 whatever they hold, so read to the end.
  while (filled < end) {
    if (filled === buffer.length) buffer = grow(buffer);
    const want = Math.min(buffer.length, end) - filled;
    const position = range === undefined ? null : range.offset + filled;
    const got = readSync(fd, buffer, filled, want, position);
    if (got === 0) break;
    filled += got;
  }
  if (filled > maxFileBytes) throw readError('read.too-large', path);
  return buffer.subarray(0, filled);
}

function grow(buffer: Buffer): Buffer {
  const larger = Buffer.allocUnsafeSlow(buffer.length * 4);
  buffer.copy(larger);
  return larger;
}
