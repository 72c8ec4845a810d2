// Something read from another server and kept for a while: it outlives that server's silence, and nobody can make
// this one ask too often.
import type { Clock } from '../../../core/clock.ts';

export interface Keeping {
  /** It is read again after this time, by whoever needs it next and without making them wait. */
  readonly freshMs: number;
  /** Where it cannot be read again it is good for this long. */
  readonly usableMs: number;
  /** The shortest time between two reads. */
  readonly pauseMs: number;
}

export class Kept<T> {
  readonly #clock: Clock;
  readonly #read: () => Promise<T>;
  readonly #keeping: Keeping;
  #kept: { readonly value: T; readonly readMs: number } | undefined;
  #reading: Promise<T> | undefined;
  #lastTry: { readonly atMs: number; readonly failure: unknown } | undefined;

  constructor(clock: Clock, read: () => Promise<T>, keeping: Keeping) {
    this.#clock = clock;
    this.#read = read;
    this.#keeping = keeping;
  }

  /** Errors: those of the read, while there is nothing usable. */
  async get(): Promise<T> {
    const kept = this.#kept;
    const ageMs = kept === undefined ? Infinity : this.#clock.elapsedMs() - kept.readMs;
    if (kept === undefined || ageMs >= this.#keeping.usableMs) return this.#readNow();
    if (ageMs >= this.#keeping.freshMs) this.#readNow().catch(() => {});
    return kept.value;
  }

  /** As it is now or, where it was read just before, as it was then. Errors: those of the read. */
  async again(): Promise<T> {
    return this.#readNow();
  }

  async #readNow(): Promise<T> {
    const last = this.#lastTry;
    if (this.#reading !== undefined) return this.#reading;
    if (last !== undefined && this.#clock.elapsedMs() - last.atMs < this.#keeping.pauseMs) {
      if (this.#kept === undefined || last.failure !== undefined) throw last.failure;
      return this.#kept.value;
    }
    this.#reading = this.#tryToRead();
    try {
      return await this.#reading;
    } finally {
      this.#reading = undefined;
    }
  }

  async #tryToRead(): Promise<T> {
    const atMs = this.#clock.elapsedMs();
    try {
      const value = await this.#read();
      this.#kept = { value, readMs: atMs };
      this.#lastTry = { atMs, failure: undefined };
      return value;
    } catch (failure) {
      this.#lastTry = { atMs, failure };
      throw failure;
    }
  }
}
