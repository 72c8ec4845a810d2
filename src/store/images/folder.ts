// The folder of disk images that a server gives out: regular files directly in it, each with a plain name.
// Their checksums are in sums.ts.
import { createHash, type Hash } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '../../core/errors.ts';
import { isStamp, stampOf, SumCache, type Stamp } from './sums.ts';

export interface ImageFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  /** Strong: changes whenever the file does. */
  readonly etag: string;
  /** In hex; undefined while nobody has read the whole file. */
  readonly sha256: string | undefined;
}

/** An image that is open: what is read of it is of one file, also when another one takes its name. */
export interface OpenImage extends ImageFile {
  /** The bytes from `start` to `end`, both included; closes the file at the end. */
  stream(start: number, end: number): Readable;
  close(): Promise<void>;
}

/** The file that lists the checksums of all images, and no image. */
export const sumsName = 'SHA256SUMS';

const chunkBytes = 1024 * 1024;

/** True for a name that an image may have: no path, nothing hidden, nothing that a URL or a shell would
 *  take for something else. */
function isImageName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}$/.test(name) && name !== sumsName;
}

/** Errors of all operations: AppError `image.unknown`, `image.folder`. */
export class ImageFolder {
  readonly path: string;
  readonly #sums: SumCache;
  #hashing: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
    this.#sums = new SumCache(path);
  }

  /** All images by name. */
  async list(): Promise<ImageFile[]> {
    const names = await this.#attempt('read', async () => readdir(this.path));
    const files = await Promise.all(
      names.filter(isImageName).map(async (name) => {
        const found = await stat(join(this.path, name)).catch(() => undefined);
        return found?.isFile() === true ? this.#describe(name, stampOf(found)) : undefined;
      }),
    );
    return files
      .filter((file) => file !== undefined)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async open(name: string): Promise<OpenImage> {
    const [handle, stamp] = await this.#open(name);
    const file = await this.#describe(name, stamp);
    return {
      ...file,
      stream: (start, end) => handle.createReadStream({ start, end, highWaterMark: chunkBytes }),
      close: () => handle.close(),
    };
  }

  /** The SHA-256 of each image: as it was noted, or by reading what is new or has changed, one file after
   *  another. */
  async hashAll(signal: AbortSignal): Promise<ImageFile[]> {
    for (const { name, sha256 } of await this.list()) {
      if (sha256 === undefined) await this.hash(name, signal);
    }
    return (await this.list()).filter(({ sha256 }) => sha256 !== undefined);
  }

  /** Reads an image whole and notes its SHA-256. A file that changes meanwhile gets none yet. */
  hash(name: string, signal: AbortSignal): Promise<string> {
    // One at a time: the disk reads one file fast, and several slowly.
    const next = this.#hashing.then(() => this.#hash(name, signal));
    this.#hashing = next.catch(() => {});
    return next;
  }

  async #hash(name: string, signal: AbortSignal): Promise<string> {
    const [handle, before] = await this.#open(name);
    try {
      const noted = await this.#sums.get(name, before);
      const sha256 = await this.#attempt(`read ${name} in`, () => digestOf(handle, signal));
      const isSame = isStamp(before, stampOf(await handle.stat()));
      if (isSame && noted === undefined) await this.#sums.put(name, before, sha256);
      return sha256;
    } finally {
      await handle.close();
    }
  }

  /** Copies a file into the folder, where it appears whole or not at all.
   *  Errors: also AppError `image.exists`, `image.damaged` when it has not the SHA-256 that is expected. */
  async add(
    source: string,
    {
      name = basename(source),
      sha256: expected,
      replaces = false,
      signal,
    }: {
      readonly name?: string | undefined;
      readonly sha256?: string | undefined;
      readonly replaces?: boolean;
      readonly signal: AbortSignal;
    },
  ): Promise<ImageFile> {
    if (!isImageName(name)) {
      throw new AppError(
        'image.unknown',
        `"${name}" cannot be the name of an image: use letters, digits and "._+~-", with a letter or digit first`,
      );
    }
    const target = join(this.path, name);
    if (!replaces && (await stat(target).catch(() => undefined)) !== undefined) {
      throw new AppError(
        'image.exists',
        `there is an image ${name} already: replace it (--replace), or add this one under another name (--name)`,
      );
    }
    const partial = join(this.path, `.${name}.partial`);
    try {
      const sha256 = await this.#copyIn(source, partial, signal);
      if (expected !== undefined && expected.toLowerCase() !== sha256) {
        throw new AppError('image.damaged', `${source} has the SHA-256 ${sha256}, not ${expected}`);
      }
      await this.#attempt(`add ${name} to`, () => rename(partial, target));
      const stamp = stampOf(await stat(target));
      await this.#sums.put(name, stamp, sha256);
      return await this.#describe(name, stamp);
    } finally {
      await rm(partial, { force: true });
    }
  }

  async #copyIn(source: string, partial: string, signal: AbortSignal): Promise<string> {
    const from = await open(source, 'r').catch((cause: unknown) => {
      throw new AppError('image.folder', `cannot read ${source}`, { cause });
    });
    try {
      return await this.#attempt(`copy ${source} to`, () => copy(from, partial, signal));
    } finally {
      await from.close();
    }
  }

  async #open(name: string): Promise<[FileHandle, Stamp]> {
    if (!isImageName(name)) throw unknown(name);
    // Without O_NONBLOCK a named pipe would wait for its writer.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK;
    const handle = await open(join(this.path, name), flags).catch((err: unknown) => {
      throw isAbsent(err) ? unknown(name) : failed(`read ${name} in`, this.path, err);
    });
    const found = await handle.stat();
    if (found.isFile()) return [handle, stampOf(found)];
    await handle.close();
    throw unknown(name);
  }

  async #describe(name: string, stamp: Stamp): Promise<ImageFile> {
    const { size, mtimeMs, inode } = stamp;
    return {
      name,
      sizeBytes: size,
      modifiedAt: new Date(mtimeMs),
      etag: `"${[size, Math.round(mtimeMs * 1000), inode].map((n) => n.toString(16)).join('-')}"`,
      sha256: await this.#sums.get(name, stamp),
    };
  }

  async #attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (err) {
      if (err instanceof AppError) throw err;
      throw failed(what, this.path, err);
    }
  }
}

async function digestOf(handle: FileHandle, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await readWhole(handle, hash, signal);
  return hash.digest('hex');
}

/** Resolves to the SHA-256 of what was copied, once it is on the disk. */
async function copy(from: FileHandle, target: string, signal: AbortSignal): Promise<string> {
  const to = await open(target, 'w', 0o644);
  try {
    const hash = createHash('sha256');
    await readWhole(from, hash, signal, (chunk) => to.writeFile(chunk));
    await to.sync();
    return hash.digest('hex');
  } finally {
    await to.close();
  }
}

async function readWhole(
  handle: FileHandle,
  hash: Hash,
  signal: AbortSignal,
  write?: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let position = 0; ;) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    await write?.(chunk);
    position += bytesRead;
  }
}

function isAbsent(err: unknown): boolean {
  const { code } = { code: undefined, ...Object(err) };
  // ENXIO: a socket, or a named pipe without a writer.
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EISDIR'].includes(String(code));
}

function unknown(name: string): AppError {
  return new AppError('image.unknown', `there is no image ${name.slice(0, 200)} on this server`, {
    details: { image: name.slice(0, 200) },
  });
}

function failed(what: string, folder: string, cause: unknown): AppError {
  const next = existsSync(folder) ? '' : ', which is not there: make it first';
  return new AppError('image.folder', `cannot ${what} the image folder ${folder}${next}`, {
    cause,
  });
}
