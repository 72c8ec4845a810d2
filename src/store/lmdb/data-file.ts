// The data file while it is open. Removed or replaced, it goes on in memory and on no disk that anybody will find again:
// what is written to it would be lost, and acknowledged all the same. Where it was cut short, a read of what
// is gone ends the process (SIGBUS), unless a look comes before it; LMDB itself never makes the file smaller.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { dataFileName } from './lmdb-file.ts';

/** A look costs 2 µs, so not every operation takes one. */
const everyMs = 100;

export class DataFile {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #identity: string;
  #bytes = 0;
  #lookedMs = -Infinity;
  #isOther = false;

  /** The file that is in the directory now. */
  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
    this.#identity = this.#look();
  }

  /** Errors: AppError `store.unavailable` from when the file was removed, replaced or cut short, and while nobody can tell. */
  refuseOther(): void {
    const nowMs = this.#clock.elapsedMs();
    if (!this.#isOther && nowMs - this.#lookedMs < everyMs) return;
    this.#isOther ||= this.#look() !== this.#identity;
    this.#lookedMs = nowMs;
    if (!this.#isOther) return;
    throw new AppError(
      'store.unavailable',
      `the data file in ${this.#directory} was removed, replaced or cut short while it was open: stop the server, put the directory back or restore a backup, and start it again`,
    );
  }

  /** The device and the number of the file; "" where there is none, or less of it than there was. */
  #look(): string {
    const path = join(this.#directory, dataFileName);
    try {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found === undefined || found.size < this.#bytes) return '';
      this.#bytes = found.size;
      return `${found.dev}:${found.ino}`;
    } catch (cause) {
      throw new AppError('store.unavailable', `cannot look for ${path}`, { cause });
    }
  }
}
