// The data file while it is open. Removed or replaced, it goes on in memory and on no disk that anybody will find again:
// what is written to it would be lost, and acknowledged all the same. Where it was cut short, a read of what
// is gone ends the process (SIGBUS), unless a look comes before it; LMDB itself never makes the file smaller. Where
// another program wrote into it, LMDB takes what it finds: a list ends early, or the process does. So nothing is read or
// written from then on until another process has checked all of it.
import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { dataFileName, transactionReader } from './walk/lmdb-file.ts';
import { tryDirectory } from './trial.ts';

/** A look costs 2 µs, so not every operation takes one. */
const everyMs = 100;
/** A check that could not be done is done again after this time. */
const checkAgainMs = 2000;
/** A file that was found whole so many times, with no longer between two than this, is touched by a program that does it no
 *  harm. From then on it rests between two checks, and is used: for so long, and for many times as long as a check takes. */
const falseAlarms = 3;
const calmMs = 60_000;
const leastRestMs = 10_000;
const restFactor = 20;

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
  /** The time that the file had after the last commit, or its check; undefined from then on until somebody looks. */
  #writtenMs: number | undefined;
  /** The last transaction then: another one is of an older file, or of a newer one, that was copied over this one. */
  #transaction: bigint | undefined;
  readonly #descriptor: number | undefined;
  readonly #lastTransaction: (() => bigint) | undefined;
  /** Others wrote to it since the last check. */
  #isDoubtful = false;
  /** The check of all of the file, as long as it is not known to be whole. */
  #check: Promise<void> | undefined;
  #checkFailed: unknown;
  /** The checks, one soon after another, that found it whole. */
  #alarms = 0;
  #restsUntilMs = -Infinity;
  readonly #closing = new AbortController();

  /** The file that is in the directory now. `readOnly`: a server may be writing to it. */
  constructor(directory: string, clock: Clock, readOnly: boolean) {
    this.#directory = directory;
    this.#clock = clock;
    this.#readOnly = readOnly;
    if (!readOnly) {
      this.#descriptor = openSync(join(directory, dataFileName), 'r');
      this.#lastTransaction = transactionReader(this.#descriptor);
    }
    this.#identity = this.#look();
  }

  /** Looks again, at most ten times a second unless that is `always` to be done. Errors: AppError `store.unavailable` from
   *  when the file was removed, replaced, cut short or damaged, and while nobody can tell. */
  refuseOther(always = false): void {
    const nowMs = this.#clock.elapsedMs();
    if (this.#check !== undefined) throw this.#beingChecked();
    if (this.#fault === undefined && !always && nowMs - this.#lookedMs < everyMs) return;
    if (this.#fault === undefined && this.#look() !== this.#identity)
      this.#fault = 'removed, replaced or cut short';
    this.#lookedMs = nowMs;
    if (this.#check !== undefined) throw this.#beingChecked();
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

  /** Has a file checked that somebody else seems to have written to: its time alone proves nothing. */
  #judge(writtenMs: number): void {
    const isKnown = [undefined, writtenMs].includes(this.#writtenMs);
    const transaction =
      writtenMs === this.#writtenMs ? this.#transaction : this.#lastTransaction?.();
    if (!isKnown && transaction !== this.#transaction) {
      this.#fault ??=
        'written to by another program (its last transaction is not the one of this server)';
      return;
    }
    this.#isDoubtful ||= !isKnown;
    this.#writtenMs = writtenMs;
    this.#transaction = transaction;
    const isDue = this.#isDoubtful && this.#clock.elapsedMs() >= this.#restsUntilMs;
    if (isDue && this.#fault === undefined) this.#check ??= this.#checkAll();
  }

  /** A write to it meanwhile is seen at the next look. */
  async #checkAll(): Promise<void> {
    const { signal } = this.#closing;
    const startedMs = this.#clock.elapsedMs();
    try {
      const problem = await tryDirectory(this.#directory, { signal, isOpen: true });
      if (problem !== undefined) this.#fault = `written to by another program (${problem})`;
      this.#isDoubtful = false;
      this.#checkFailed = undefined;
      this.#rest(startedMs);
    } catch (err) {
      this.#checkFailed = err;
      await this.#clock.sleep(checkAgainMs, signal).catch(() => {});
    } finally {
      this.#check = undefined;
    }
  }

  /** Sets the time until which it is not checked again. */
  #rest(startedMs: number): void {
    const nowMs = this.#clock.elapsedMs();
    const isAgain = startedMs - this.#restsUntilMs < calmMs;
    this.#alarms = isAgain ? this.#alarms + 1 : 1;
    const restMs = Math.max(leastRestMs, restFactor * (nowMs - startedMs));
    this.#restsUntilMs = nowMs + (this.#alarms < falseAlarms ? 0 : restMs);
  }

  /** Waits until the file is known to be whole, or not to be, or is closed: no check begins any more then. */
  async settled(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        this.refuseOther(true);
        return;
      } catch {
        if (this.#check === undefined) return;
        await this.#check;
      }
    }
  }

  #beingChecked(): AppError {
    return new AppError(
      'store.unavailable',
      `the data in ${this.#directory} is being checked, because another program wrote to it: it is used again once nothing is found`,
      { cause: this.#checkFailed },
    );
  }

  /** Ends the check. No write may be on its way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#check;
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}
