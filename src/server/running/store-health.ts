// The store as its answers show it: taking nothing (full, or refusing this server), until a write succeeds or a minute
// has gone by; away, until something succeeds. Agents, which must not be kept waiting, ask it through here.
import type { Clock } from '../../core/clock.ts';
import { inTime } from '../../core/deadline.ts';
import { AppError, isAppError } from '../../core/errors.ts';

/** A server that nobody sends anything to writes nothing, and would never learn that there is room again. */
const lastsMs = 60_000;
/** The longest that an agent waits for the store. */
const soonMs = 2000;

export class StoreHealth {
  readonly #clock: Clock;
  #closed: { readonly error: AppError; readonly atMs: number } | undefined;
  #away: { readonly error: AppError; askedMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True while the store did not answer, or not soon, when it was last asked. */
  get isAway(): boolean {
    return this.#away !== undefined;
  }

  /** The error of the last request then. */
  get away(): AppError | undefined {
    return this.#away?.error;
  }

  /** An operation, such as "machines.put", succeeded, or failed with `err`. */
  note(operation: string, err?: unknown): void {
    const isWrite = operation.endsWith('.put');
    if (isAppError(err, 'store.full') || (isWrite && isRefusal(err))) {
      this.#closed = { error: err, atMs: this.#clock.elapsedMs() };
    } else if (err === undefined && isWrite) this.#closed = undefined;
    // Known damage is told without a look at the store.
    if (isAppError(err, 'store.unavailable')) void this.#goneAway(err);
    else if (!operation.startsWith('damage.')) this.#away = undefined;
  }

  /** Errors: AppError `store.full`, `store.unavailable` while nothing can be stored. */
  refuseClosed(): void {
    if (this.#closed === undefined) return;
    if (this.#clock.elapsedMs() - this.#closed.atMs < lastsMs) throw this.#closed.error;
    this.#closed = undefined;
  }

  /** The answer of `ask`, which asks the store; while that is away, of one in 2 seconds. Errors: those of `ask`;
   *  AppError `store.unavailable`, also where the answer takes longer than 2 seconds. */
  async soon<T>(ask: () => Promise<T>): Promise<T> {
    const nowMs = this.#clock.elapsedMs();
    if (this.#away !== undefined) {
      if (nowMs - this.#away.askedMs < soonMs) throw this.#away.error;
      this.#away.askedMs = nowMs;
    }
    return inTime(ask(), this.#clock, soonMs, () => this.#goneAway(tooLate()));
  }

  #goneAway(error: AppError): AppError {
    this.#away = { error, askedMs: this.#clock.elapsedMs() };
    return error;
  }
}

/** True where the store answered that this server may not, which no other request changes. One that refuses a single request,
 *  as for its size, takes others. */
function isRefusal(err: unknown): err is AppError {
  return isAppError(err, 'store.unavailable') && 'isOfAll' in err && err.isOfAll === true;
}

function tooLate(): AppError {
  return new AppError(
    'store.unavailable',
    `the store does not answer within ${soonMs / 1000} seconds: ask again later`,
  );
}
