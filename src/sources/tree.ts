// The files of another machine, on disk or in memory. Nothing outside the tree is ever read: symbolic
// links, absolute ones and those with ".." too, are followed as if its top were "/".
import { posix } from 'node:path';
import type { Files, Range } from './files.ts';
import { absentOrThrow, errnoOf, readError } from './read-error.ts';

/** A tree without links followed: every path is a real one ("/sys/devices", "" for the top). */
export interface Tree {
  /** Where the symbolic link at `path` points; null for what is no link, undefined when absent. */
  target(path: string): string | null | undefined;
  /** The names in a directory, in any order. */
  names(path: string): string[];
  /** The content of a file, good until the next read. Errors: errno errors, ELOOP for a link;
   *  AppError `read.*` that name `shown`. */
  read(path: string, shown: string, range: Range | undefined): Buffer;
}

/** As many links as the kernel follows in one path. */
const maxLinks = 40;

/** The files of a tree, with its links followed. */
export class TreeFiles implements Files {
  readonly #tree: Tree;
  /** Where a path really is ("/sys/class/net/eth0" → "/sys/devices/…/eth0"); undefined: absent. */
  readonly #real = new Map<string, string | undefined>([['', '']]);

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  text(path: string): string | undefined {
    return this.#read(path, undefined)?.toString('utf8');
  }

  bytes(path: string, range?: Range): Uint8Array | undefined {
    const bytes = this.#read(path, range);
    return bytes === undefined ? undefined : new Uint8Array(bytes);
  }

  list(dir: string): readonly string[] | undefined {
    try {
      const real = this.#resolve(dir, 0);
      return real === undefined ? undefined : this.#tree.names(real).toSorted();
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
    const target = dir === undefined ? undefined : this.#tree.target(`${dir}/${name}`);
    return typeof target === 'string' ? posix.resolve(`${dir}/`, target) : undefined;
  }

  #read(path: string, range: Range | undefined): Buffer | undefined {
    try {
      const { parent, name } = split(path);
      const dir = this.#resolve(parent, 0);
      if (dir === undefined) return undefined;
      // Most files are no links: trying is cheaper than asking first.
      if (name !== '..' && name !== '.') return this.#tree.read(`${dir}/${name}`, path, range);
    } catch (err) {
      if (errnoOf(err) !== 'ELOOP') return absentOrThrow(err, path);
    }
    try {
      const real = this.#resolve(path, 0);
      return real === undefined ? undefined : this.#tree.read(real, path, range);
    } catch (err) {
      return absentOrThrow(err, path);
    }
  }

  /** The path without links, within this tree. Remembers every directory on the way. */
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
    const target = this.#tree.target(here);
    if (target === undefined || target === null) return target === null ? here : undefined;
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
