// The data file while it is open. Removed or replaced, it goes on in memory and on no disk that anybody will find again:
// what is written to it would be lost, and acknowledged all the same. Where it was cut short, a read of what
// is gone ends the process (SIGBUS), unless a look comes before it; LMDB itself never makes the file smaller. Where
// another program wrote into it, LMDB takes what it finds: a list ends early, or the process does.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { AppError, describeError, isAppError } from '../../core/errors.ts';
import { dataFileName, verifyDataFile } from './lmdb-file.ts';

/** A look costs 2 µs, so not every operation takes one. */
const everyMs = 100;

export class DataFile {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #readOnly: boolean;
  readonly #identity: string;
  #bytes = 0;
  #lookedMs = -Infinity;
  #fault: string | undefined;
  /** Commits on their way to the file. */
  #writers = 0;
  /** The time that the file had after the last commit; undefined from then on until somebody looks. */
  #writtenMs: number | undefined;

  /** The file that is in the directory now. `readOnly`: a server may be writing to it. */
  constructor(directory: string, clock: Clock, readOnly: boolean) {
    this.#directory = directory;
    this.#clock = clock;
    this.#readOnly = readOnly;
    this.#identity = this.#look();
  }

  /** Looks again, at most ten times a second unless that is `always` to be done. Errors: AppError `store.unavailable` from
   *  when the file was removed, replaced, cut short or damaged, and while nobody can tell. */
  refuseOther(always = false): void {
    const nowMs = this.#clock.elapsedMs();
    if (this.#fault === undefined && !always && nowMs - this.#lookedMs < everyMs) return;
    if (this.#fault === undefined && this.#look() !== this.#identity)
      this.#fault = 'removed, replaced or cut short';
    this.#lookedMs = nowMs;
    if (this.#fault === undefined) return;
    throw new AppError(
      'store.unavailable',
      `the data file in ${this.#directory} was ${this.#fault} while it was open: stop the server, put the directory back or restore a backup, and start it again`,
    );
  }

  /** Runs what writes to the file. Errors: as refuseOther; those of `write`. */
  async written<T>(write: () => Promise<T>): Promise<T> {
    if (this.#writers === 0) this.refuseOther(true);
    this.#writers += 1;
    try {
      return await write();
    } finally {
      this.#writtenMs = undefined;
      this.#writers -= 1;
      this.#look();
    }
  }

  /** The device and the number of the file; "" where there is none, or less of it than there was. */
  #look(): string {
    const path = join(this.#directory, dataFileName);
    try {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found === undefined || found.size < this.#bytes) return '';
      this.#bytes = found.size;
      if (this.#writers === 0 && !this.#readOnly) this.#judge(found.mtimeMs);
      return `${found.dev}:${found.ino}`;
    } catch (cause) {
      throw new AppError('store.unavailable', `cannot look for ${path}`, { cause });
    }
  }

  /** Verifies all of a file that somebody else seems to have written to: its time alone proves nothing. Whoever reads
   *  meanwhile waits, two seconds for a gigabyte, since LMDB would take what it finds. Errors: those of a file that cannot be
   *  read now, which is looked at again. */
  #judge(writtenMs: number): void {
    const isKnown = [undefined, writtenMs].includes(this.#writtenMs);
    try {
      if (!isKnown) verifyDataFile(this.#directory, { whole: true });
    } catch (err) {
      if (!isAppError(err, 'store.damaged')) throw err;
      this.#fault = `written to by another program (${describeError(err)})`;
    }
    this.#writtenMs = writtenMs;
  }
}
