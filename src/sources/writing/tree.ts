// The files of a system that is not running: mounted somewhere, with links of its own. A path means what
// it would mean to that system, and nothing outside of its tree is ever read or written.
import { constants } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import { pid } from 'node:process';
import { AppError } from '../../core/errors.ts';
import { errnoOf } from '../read-error.ts';
import { Walk, type Place } from './walk.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

const maxReadBytes = 16 * 1024 * 1024;
/** The name of a file that is not in place yet. */
const temporaryName = '.dragonfly-new';

export interface FileAttributes {
  /** All twelve bits. */
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** Errors of all operations: AppError `tree.failed`. */
export class Tree {
  readonly #top: string;

  /** `top` is a directory that may be trusted, such as a mount point of ours. */
  constructor(top: string) {
    this.#top = top;
  }

  /** The content; undefined where there is no such file. */
  async read(path: string): Promise<Buffer | undefined> {
    return await this.#at('read', path, (place) => place && readPlace(place));
  }

  /** As read, taken for UTF-8. */
  async text(path: string): Promise<string | undefined> {
    return (await this.read(path))?.toString('utf8');
  }

  /** The names in a directory, sorted; undefined where there is none. */
  async list(path: string): Promise<string[] | undefined> {
    return await this.#at('list', path, async (place) => {
      if (place === undefined) return undefined;
      try {
        return (await fs.readdir(`${place.path}/.`)).toSorted();
      } catch (err) {
        return absentOrThrow(err);
      }
    });
  }

  /** The kind of what is there, links followed; undefined where there is nothing. */
  async kind(path: string): Promise<'file' | 'directory' | 'other' | undefined> {
    return await this.#at('look at', path, async (place) => {
      const stat = place && (await statOf(place));
      if (stat === undefined) return undefined;
      return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
    });
  }

  /** Puts a file in place whole, or not at all: a system that loses power finds the old one or the new
   *  one. Missing directories are made. Attributes that are not given are those of the file that it
   *  replaces, else root's and mode 0644; a file system without any takes 'none'. */
  async write(
    path: string,
    content: Uint8Array,
    attributes: Partial<FileAttributes> | 'none' = {},
  ): Promise<void> {
    await this.#at('write', path, async (place) => {
      if (place === undefined || place.name === '.') throw new Error('it is a directory');
      const old = await statOf(place);
      if (old?.isDirectory() === true) throw new Error('it is a directory');
      const all = attributes !== 'none' && {
        mode: attributes.mode ?? (old?.mode ?? 0o644) & 0o7777,
        uid: attributes.uid ?? old?.uid ?? 0,
        gid: attributes.gid ?? old?.gid ?? 0,
      };
      await replace(place, content, all === false ? undefined : all);
    });
  }

  /** Gives the path by which programs of this host reach a file or directory, valid during `use` alone;
   *  undefined where there is nothing. It leads through the descriptors of this process. */
  async whileOpen<T>(path: string, use: (outside: string | undefined) => Promise<T>): Promise<T> {
    return await this.#at('open', path, async (place) => {
      const isThere = place !== undefined && (await statOf(place)) !== undefined;
      return await use(isThere ? place.path.replace('/self/', `/${pid}/`) : undefined);
    });
  }

  async #at<T>(
    verb: 'read' | 'list' | 'look at' | 'write' | 'open',
    path: string,
    use: (place: Place | undefined) => Promise<T> | T,
  ): Promise<T> {
    const walk = new Walk(await fs.open(this.#top, O_RDONLY | O_DIRECTORY));
    try {
      return await use(await walk.to(path, { makesDirectories: verb === 'write' }));
    } catch (err) {
      if (err instanceof AppError) throw err;
      const message = `cannot ${verb} ${path} of the system on the disk`;
      throw new AppError('tree.failed', message, { cause: err, details: { path } });
    } finally {
      await walk.end();
    }
  }
}

async function readPlace({ path }: Place): Promise<Buffer | undefined> {
  let file: FileHandle;
  try {
    file = await fs.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (err) {
    return absentOrThrow(err);
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new Error('it is no regular file');
    if (stat.size > maxReadBytes) throw new Error('it is larger than any such file should be');
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function replace(
  { directory, path, name }: Place,
  content: Uint8Array,
  attributes: { readonly mode: number; readonly uid: number; readonly gid: number } | undefined,
): Promise<void> {
  const temporary = `${path.slice(0, -name.length)}${temporaryName}`;
  // One that a power cut left behind.
  await fs.rm(temporary, { force: true });
  const file = await fs.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(content);
    if (attributes !== undefined) {
      // A change of the owner takes setuid away.
      await file.chown(attributes.uid, attributes.gid);
      await file.chmod(attributes.mode);
    }
    await file.sync();
    await fs.rename(temporary, path);
  } catch (err) {
    await fs.rm(temporary, { force: true });
    throw err;
  } finally {
    await file.close();
  }
  await directory.sync();
}

async function statOf({ path }: Place) {
  try {
    return await fs.lstat(path);
  } catch (err) {
    return absentOrThrow(err);
  }
}

function absentOrThrow(err: unknown): undefined {
  const errno = errnoOf(err);
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
  throw err;
}
