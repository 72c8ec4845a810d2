// A directory that holds the files of another machine. Nothing outside it is ever read: symbolic
// links, absolute ones and those with ".." too, are followed as if the directory were "/".
import { existsSync, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { AppError } from '../core/errors.ts';
import { absentOrThrow, errnoOf, readError } from './read-error.ts';
import { readFile, type ReadOptions } from './read-file.ts';
import type { Files, Range } from './files.ts';

/** As many links as the kernel follows in one path. */
const maxLinks = 40;

const quiet = { throwIfNoEntry: false } as const;

/** The files of a machine as they stand in a directory. */
export class DirectoryFiles implements Files {
  readonly #top: string;
  /** Where a directory really is ("/sys/class/net/eth0" → "/sys/devices/…/eth0"); undefined: absent. */
  readonly #real = new Map<string, string | undefined>([['', '']]);

  constructor(directory: string) {
    this.#top = directory.replace(/\/+$/, '');
  }

  text(path: string): string | undefined {
    return this.#read(path, {}, (bytes) => bytes.toString('utf8'));
  }

  bytes(path: string, range?: Range): Uint8Array | undefined {
    return this.#read(path, { range }, (bytes) => new Uint8Array(bytes));
  }

  list(dir: string): readonly string[] | undefined {
    try {
      const real = this.#resolve(dir, 0);
      return real === undefined ? undefined : readdirSync(this.#top + real).toSorted();
    } catch (err) {
      return absentOrThrow(err, dir);
    }
  }

  link(path: string): string | undefined {
    try {
      return this.#resolve(path, 0) ?? this.#danglingTarget(path);
    } catch (err) {
      return absentOrThrow(err, path);
    }
  }

  /** Captures hold many links whose target was not worth keeping: a driver's name is in the link. */
  #danglingTarget(path: string): string | undefined {
    const { parent, name } = split(path);
    const dir = this.#resolve(parent, 0);
    const here = `${dir}/${name}`;
    if (dir === undefined || lstatSync(this.#top + here, quiet)?.isSymbolicLink() !== true) {
      return undefined;
    }
    return posix.resolve(dir === '' ? '/' : dir, readlinkSync(this.#top + here));
  }

  #read<T>(path: string, options: ReadOptions, use: (bytes: Buffer) => T): T | undefined {
    try {
      const { parent, name } = split(path);
      const dir = this.#resolve(parent, 0);
      if (dir === undefined) return undefined;
      const direct = name === '..' || name === '.' ? undefined : `${dir}/${name}`;
      try {
        if (direct !== undefined) {
          return readFile(this.#top + direct, path, { ...options, noFollow: true }, use);
        }
      } catch (err) {
        if (errnoOf(err) !== 'ELOOP') throw err;
      }
      const real = this.#resolve(path, 0);
      return real === undefined
        ? undefined
        : readFile(this.#top + real, path, { ...options, noFollow: true }, use);
    } catch (err) {
      return absentOrThrow(err, path);
    }
  }

  /** The path without links, within this root. Remembers every directory on the way. */
  #resolve(path: string, links: number): string | undefined {
    const trimmed = path.replace(/\/+$/, '');
    if (this.#real.has(trimmed)) return this.#real.get(trimmed);
    if (links > maxLinks)
      throw readError('read.failed', path, new Error('too many symbolic links'));
    const { parent, name } = split(trimmed);
    const dir = this.#resolve(parent, links);
    const real = dir === undefined ? undefined : this.#step(dir, name, links);
    this.#real.set(trimmed, real);
    return real;
  }

  /** `name` in the real directory `dir`, with its link followed if it is one. */
  #step(dir: string, name: string, links: number): string | undefined {
    if (name === '' || name === '.') return dir;
    if (name === '..') return split(dir).parent;
    const here = `${dir}/${name}`;
    const stat = lstatSync(this.#top + here, quiet);
    if (stat === undefined) return undefined;
    if (!stat.isSymbolicLink()) return here;
    const target = readlinkSync(this.#top + here);
    return this.#resolve(target.startsWith('/') ? target : `${dir}/${target}`, links + 1);
  }
}

/** The directory and the last name of a path; "" is the root. */
function split(path: string): { parent: string; name: string } {
  const slash = path.lastIndexOf('/');
  return slash < 0
    ? { parent: '', name: path }
    : { parent: path.slice(0, slash).replace(/\/+$/, ''), name: path.slice(slash + 1) };
}

/** Whether `directory` is one. Errors: AppError `config.invalid`. */
export function requireDirectory(directory: string): string {
  if (existsSync(directory) && lstatSync(`${directory}/.`).isDirectory()) return directory;
  throw new AppError(
    'config.invalid',
    `${directory} is no directory; give --root a captured directory or a FILE.tar.gz`,
    { details: { path: directory } },
  );
}
