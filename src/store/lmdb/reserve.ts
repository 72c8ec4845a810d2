// Room on the disk that is kept for removals: on a full disk LMDB writes nothing without new pages, and a token has to be
// revoked all the same.
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivate } from '../../core/files/private-file.ts';

export const reserveName = 'reserve';
/** The pages of some removals. Units: bytes. */
const reserveBytes = 1024 * 1024;
/** With less than this free, the rest is left to the data. */
const plentyBytes = 64 * reserveBytes;

export class Reserve {
  readonly #directory: string;
  readonly #path: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, reserveName);
  }

  /** Makes it where there is none and the disk has plenty of room. Without it removals fail as other writes do. */
  keep(): void {
    try {
      if (existsSync(this.#path)) return;
      const { bavail, bsize } = statfsSync(this.#directory);
      // Zeros would take no room on a disk that compresses.
      if (bavail * bsize > plentyBytes) writePrivate(this.#path, randomBytes(reserveBytes));
    } catch {
      // The data file alone decides whether the directory can be used.
    }
  }

  /** Gives its room back. False if there was none. */
  release(): boolean {
    try {
      if (!existsSync(this.#path)) return false;
      rmSync(this.#path);
      return true;
    } catch {
      return false;
    }
  }
}
