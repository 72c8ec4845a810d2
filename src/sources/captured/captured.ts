// The Root of another machine: a capture, packed or unpacked, or a directory with that machine's files.
import { systemClock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { fromFiles, manifestName } from './capture-file.ts';
import { directoryTree } from '../directory.ts';
import { hostFiles, type Range } from '../files.ts';
import type { SourceOptions } from '../host.ts';
import { ReplayRoot } from './recording.ts';
import type { Root } from '../root.ts';
import { TreeFiles } from '../tree.ts';

/** Opens a machine's files at `path`. `mayHang`: another program or machine may serve a part of them.
 *  Errors: AppError `config.invalid`, `read.*`. */
export async function openCaptured(
  path: string,
  options: SourceOptions,
  mayHang: boolean,
): Promise<Root> {
  const { readTimeoutMs = 2000, clock = systemClock } = options;
  const isolated = mayHang ? await import('../isolated/isolated.ts') : undefined;
  const outside: Readers = isolated
    ? new isolated.IsolatedFiles('/', readTimeoutMs, clock)
    : hostFiles;
  if (await isDirectory(outside, path)) {
    const files = isolated
      ? new isolated.IsolatedFiles(path, readTimeoutMs, clock)
      : new TreeFiles(directoryTree(path));
    return await openFiles(path, files);
  }
  const bytes = await outside.bytes(path);
  if (bytes === undefined) throw notThere(path);
  const { archiveTree } = await import('./archive.ts');
  return await openFiles(path, new TreeFiles(await archiveTree(bytes, path)));
}

/** File readers that answer at once, or from a process that can be killed. */
interface Readers {
  text(path: string): string | undefined | Promise<string | undefined>;
  bytes(path: string, range?: Range): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  list(dir: string): readonly string[] | undefined | Promise<readonly string[] | undefined>;
  link(path: string): string | undefined | Promise<string | undefined>;
}

async function isDirectory(readers: Readers, path: string): Promise<boolean> {
  return (await readers.list(path)) !== undefined;
}

/** Replays a capture by its manifest, and reads a tree without one as it is. */
async function openFiles(path: string, files: Readers): Promise<Root> {
  const manifest = await files.text(`/${manifestName}`);
  if (manifest === undefined) return new TreeRoot(path, files);
  return new ReplayRoot(path, await fromFiles(manifest, (name) => files.text(name), path));
}

class TreeRoot implements Root {
  readonly description: string;
  readonly #files: Readers;

  constructor(description: string, files: Readers) {
    this.description = description;
    this.#files = files;
  }

  async text(path: string): Promise<string | undefined> {
    return this.#files.text(path);
  }

  async bytes(path: string, range?: Range): Promise<Uint8Array | undefined> {
    return this.#files.bytes(path, range);
  }

  async list(dir: string): Promise<readonly string[] | undefined> {
    return this.#files.list(dir);
  }

  async link(path: string): Promise<string | undefined> {
    return this.#files.link(path);
  }

  /** A command's output is the file `<tool>.txt` at the top, if it was run without arguments. */
  async exec(tool: string, args: readonly string[]): Promise<string | undefined> {
    return args.length === 0 ? this.#files.text(`/${tool}.txt`) : undefined;
  }
}

function notThere(path: string): AppError {
  return new AppError(
    'config.invalid',
    `there is no ${path}; give --root a captured directory or a FILE.tar.gz`,
    { details: { path } },
  );
}
