// Reads this host's files synchronously. Files that may hang are read where a read can be abandoned
// instead (see host.ts).
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { absentOrThrow, readError } from './read-error.ts';
import { maxFileBytes, openFlags, readFile } from './read-file.ts';

export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** The file readers of a Root as synchronous calls. A sysfs file takes about 10 µs this way, and several
 *  times as long through libuv's thread pool. Errors: AppError `read.*`. */
export interface Files {
  text(path: string): string | undefined;
  bytes(path: string, range?: Range): Uint8Array | undefined;
  list(dir: string): readonly string[] | undefined;
  link(path: string): string | undefined;
}

/** Reads a file that the kernel generates (sysfs, procfs); none of them is large. Most reads are of this
 *  kind, and asking for the type of the file first would take a third of their time. */
export function kernelText(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return readFileSync(path, { encoding: 'utf8', flag: openFlags });
  } catch (err) {
    return absentOrThrow(err, path);
  }
}

/** This host's files. Each reader first checks that the file exists, because an exception for an absent
 *  file costs as much as ten reads. A file in a directory that may not be searched then counts as absent;
 *  sysfs has no such directory. */
export const hostFiles: Files = {
  text(path) {
    try {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) return undefined;
      if (!stat.isFile()) throw readError('read.not-a-file', path);
      if (stat.size > maxFileBytes) throw readError('read.too-large', path);
      return readFileSync(path, { encoding: 'utf8', flag: openFlags });
    } catch (err) {
      return absentOrThrow(err, path);
    }
  },

  bytes(path, range) {
    if (!existsSync(path)) return undefined;
    try {
      const device = range !== undefined;
      return readFile(path, path, { range, device }, (bytes) => new Uint8Array(bytes));
    } catch (err) {
      return absentOrThrow(err, path);
    }
  },

  list(dir) {
    if (!existsSync(dir)) return undefined;
    try {
      return readdirSync(dir).toSorted();
    } catch (err) {
      return absentOrThrow(err, dir);
    }
  },

  link(path) {
    if (!existsSync(path)) return undefined;
    try {
      return realpathSync.native(path);
    } catch (err) {
      return absentOrThrow(err, path);
    }
  },
};
