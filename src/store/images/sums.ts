// The checksums of images, kept beside them: each is computed once, and counts as long as its file has the
// same size, time and inode.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Tells one state of a file from another without reading it. */
export interface Stamp {
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: number;
}

interface Sum extends Stamp {
  readonly sha256: string;
}

/** Hidden, so that it is no image itself. */
const fileName = '.sums.json';

export function stampOf(stat: {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ino: number;
}): Stamp {
  return { size: stat.size, mtimeMs: stat.mtimeMs, inode: stat.ino };
}

export function isStamp(a: Stamp, b: Stamp): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.inode === b.inode;
}

export class SumCache {
  readonly #path: string;
  /** The sums that this process computed, kept even if the folder cannot be written. */
  readonly #own = new Map<string, Sum>();

  constructor(folder: string) {
    this.#path = join(folder, fileName);
  }

  /** Undefined when none is noted for this state of the file. */
  async get(name: string, stamp: Stamp): Promise<string | undefined> {
    const own = this.#own.get(name);
    if (own !== undefined && isStamp(own, stamp)) return own.sha256;
    const noted = (await this.#read()).get(name);
    if (noted === undefined || !isStamp(noted, stamp)) return undefined;
    this.#own.set(name, noted);
    return noted.sha256;
  }

  async put(name: string, stamp: Stamp, sha256: string): Promise<void> {
    this.#own.set(name, { ...stamp, sha256 });
    // If two processes write at once, one loses its sums and computes them again.
    const all = new Map([...(await this.#read()), ...this.#own]);
    const partial = `${this.#path}.partial`;
    try {
      await writeFile(partial, `${JSON.stringify(Object.fromEntries(all), null, 1)}\n`);
      await rename(partial, this.#path);
    } catch {
      // A folder that only others may write: it is computed again after a restart.
    }
  }

  async #read(): Promise<Map<string, Sum>> {
    try {
      const noted: unknown = JSON.parse(await readFile(this.#path, 'utf8'));
      return new Map(
        Object.entries(Object(noted)).filter((entry): entry is [string, Sum] => isSum(entry[1])),
      );
    } catch {
      return new Map();
    }
  }
}

function isSum(value: unknown): value is Sum {
  const { size, mtimeMs, inode, sha256 } = {
    size: undefined,
    mtimeMs: undefined,
    inode: undefined,
    sha256: undefined,
    ...Object(value),
  };
  const isNumbers = [size, mtimeMs, inode].every((n) => typeof n === 'number');
  return isNumbers && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
}
