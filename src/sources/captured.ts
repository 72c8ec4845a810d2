// The Root of another machine: its files as they stand in a directory.
import { systemClock } from '../core/clock.ts';
import { DirectoryFiles, requireDirectory } from './directory.ts';
import type { Range } from './files.ts';
import type { SourceOptions } from './host.ts';
import type { Root } from './root.ts';

/** How a directory is read: at once, or in a process that can be killed. */
interface Readers {
  text(path: string): string | undefined | Promise<string | undefined>;
  bytes(path: string, range?: Range): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  list(dir: string): readonly string[] | undefined | Promise<readonly string[] | undefined>;
  link(path: string): string | undefined | Promise<string | undefined>;
}

/** A machine's files in `directory`; `mayHang` when something there is served by a program or by
 *  another machine. Errors: AppError `config.invalid`. */
export async function openDirectory(
  directory: string,
  options: SourceOptions,
  mayHang: boolean,
): Promise<Root> {
  if (!mayHang)
    return new DirectoryRoot(directory, new DirectoryFiles(requireDirectory(directory)));
  const { IsolatedFiles } = await import('./isolated.ts');
  const { readTimeoutMs = 2000, clock = systemClock } = options;
  return new DirectoryRoot(directory, new IsolatedFiles(directory, readTimeoutMs, clock));
}

class DirectoryRoot implements Root {
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
