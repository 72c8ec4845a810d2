// The files of another machine, on disk or in memory. Symbolic links, including absolute ones and those
// with "..", are followed as if the top were "/", so nothing outside the tree is ever read.
import { posix } from 'node:path';
import type { Files, Range } from './files.ts';
import { absentOrThrow, errnoOf, readError } from './read-error.ts';

/** A tree whose links are not followed: every path is a real one ("/sys/devices", "" for the top). */
export interface Tree {
  /** The target of the symbolic link at `path`; null for anything but a link, undefined if absent. */
  target(path: string): string | null | undefined;
  /** The names in a directory, in any order. */
  names(path: string): string[];
  /** The content of a file, good until the next read. Errors: errno errors, ELOOP for a link;
   *  AppError `read.*` that name `shown`. */
  read(path: string, shown: string, range: Range | undefined): Buffer;
}

/** As many links as the kernel follows in one path. */
const maxLinks = 40;

/** The files of a tree, following its links. */
export class TreeFiles implements Files {
  readonly #tree: Tree;
  /** The real path ("/sys/class/net/eth0" → "/sys/devices/…/eth0"); undefined if absent. */
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

  /** Captures hold many links without their target: a driver's name is in the link itself. */
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
      // Most files are not links, so trying is cheaper than asking first.
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

  /** Resolves all links in a path, within this tree. Remembers every directory on the way. */
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

  /** Resolves `name` in the real directory `dir`, following it if it is a link. */
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
