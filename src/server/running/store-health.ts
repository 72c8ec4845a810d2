// Remembers that the store could not take a write because it is full, until one succeeds or a minute has gone by.
import type { Clock } from '../../core/clock.ts';
import { isAppError, type AppError } from '../../core/errors.ts';

/** A server that nobody sends anything to writes nothing, and would never learn that there is room again. */
const lastsMs = 60_000;

export class StoreHealth {
  readonly #clock: Clock;
  #full: { readonly error: AppError; readonly atMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An operation, such as "machines.put", succeeded, or failed with `err`. */
  note(operation: string, err?: unknown): void {
    if (isAppError(err, 'store.full')) this.#full = { error: err, atMs: this.#clock.elapsedMs() };
    else if (err === undefined && operation.endsWith('.put')) this.#full = undefined;
  }

  /** Errors: AppError `store.full` while nothing can be stored. */
  refuseFull(): void {
    if (this.#full === undefined) return;
    if (this.#clock.elapsedMs() - this.#full.atMs < lastsMs) throw this.#full.error;
    this.#full = undefined;
  }
}
