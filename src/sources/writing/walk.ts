// Follows a path within a tree as a system whose root it is would, one name at a time: a link is read and
// followed by hand, and ".." never leads above the top. What openat2(2) does with RESOLVE_IN_ROOT.
import { constants } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { errnoOf } from '../read-error.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

/** As the kernel's. Source: path_resolution(7). */
const maxLinks = 40;

/** Where a path leads: a name in a directory, with nothing behind it perhaps. */
export interface Place {
  readonly directory: FileHandle;
  /** "." for the directory itself. */
  readonly name: string;
  /** By which this process reaches it, through the directory's descriptor. */
  readonly path: string;
}

export class Walk {
  /** The directories from the top down to where the walk is. */
  readonly #stack: FileHandle[];

  /** Takes over the handle of the top. */
  constructor(top: FileHandle) {
    this.#stack = [top];
  }

  /** The place that a path means; undefined when a directory on the way is missing and is not made.
   *  Errors: those of node:fs. Valid until the end of the walk. */
  async to(
    path: string,
    { makesDirectories }: { makesDirectories: boolean },
  ): Promise<Place | undefined> {
    if (path.includes('\0')) throw new Error('a path has no NUL bytes');
    const ahead = names(path);
    let links = 0;
    for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
      if (name === '..') {
        await this.#leave(1);
        continue;
      }
      const place = this.#place(name);
      const target = await linkTarget(place.path);
      if (target !== undefined) {
        links += 1;
        if (links > maxLinks) throw new Error('too many symbolic links');
        if (target.startsWith('/')) await this.#leave(this.#stack.length - 1);
        ahead.unshift(...names(target));
      } else if (ahead.length === 0) {
        return place;
      } else if (!(await this.#enter(place, makesDirectories))) {
        return undefined;
      }
    }
    return this.#place('.');
  }

  async end(): Promise<void> {
    for (const directory of this.#stack) await directory.close();
  }

  #place(name: string): Place {
    const directory = this.#stack.at(-1);
    if (directory === undefined) throw new TypeError('a walk never leaves its top');
    return { directory, name, path: `/proc/self/fd/${directory.fd}/${name}` };
  }

  async #enter({ directory, path }: Place, makes: boolean): Promise<boolean> {
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    try {
      this.#stack.push(await fs.open(path, flags));
      return true;
    } catch (err) {
      const errno = errnoOf(err);
      if (!makes && (errno === 'ENOENT' || errno === 'ENOTDIR')) return false;
      if (errno !== 'ENOENT') throw err;
    }
    await fs.mkdir(path, { mode: 0o755 });
    await directory.sync();
    this.#stack.push(await fs.open(path, flags));
    return true;
  }

  async #leave(levels: number): Promise<void> {
    const count = Math.min(levels, this.#stack.length - 1);
    if (count === 0) return;
    for (const directory of this.#stack.splice(-count)) await directory.close();
  }
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await fs.readlink(path);
  } catch {
    // It is no link, or not there.
    return undefined;
  }
}
