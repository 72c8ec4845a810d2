// Time limits on the monotonic clock: for a piece of work, and for its next sign of life.
import type { Clock } from './clock.ts';

/** The reason for ending a limit. It is shared, because each abort without a reason creates an error with a
 *  stack, a fifth of the cost of a request. */
const finished = new Error('finished in time');

/** Runs `work` with a signal that is aborted by `signal`, or after `ms` with an error that names `what` as
 *  missing. Errors: those of `work`, which must end when its signal is aborted. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  what = 'complete answer',
): Promise<T> {
  const done = new AbortController();
  const late = new AbortController();
  clock.sleep(ms, AbortSignal.any([done.signal, signal])).then(
    () => late.abort(tooLate(what, ms)),
    () => {},
  );
  try {
    return await work(AbortSignal.any([signal, late.signal]));
  } finally {
    done.abort(finished);
  }
}

/** Waits at most `ms` for a promise whose work cannot be stopped, then abandons it. Errors: those of the
 *  promise, the one that `late` returns, the signal's reason. */
export async function inTime<T>(
  promise: Promise<T>,
  clock: Clock,
  ms: number,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = new Deadline(clock, ms, late, signal);
  // The loser of the race is ignored.
  promise.catch(() => {});
  try {
    return await Promise.race([promise, deadline.passed]);
  } finally {
    deadline.end();
  }
}

/** One time limit, with one timer, for any number of promises. */
export class Deadline {
  /** Rejects with the error from `late` when the time is up, or when the signal is aborted. */
  readonly passed: Promise<never>;
  readonly #over = new AbortController();

  constructor(clock: Clock, ms: number, late: () => Error, signal?: AbortSignal) {
    const stop = (): void => {
      this.#over.abort(signal?.reason);
    };
    signal?.addEventListener('abort', stop, { signal: this.#over.signal });
    if (signal?.aborted === true) stop();
    this.passed = clock.sleep(ms, this.#over.signal).then(() => {
      const err = late();
      this.#over.abort(err);
      throw err;
    });
    // It usually loses the race.
    this.passed.catch(() => {});
  }

  /** Aborted when `passed` rejects, and by end(). */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Stops the timer. */
  end(): void {
    this.#over.abort(finished);
  }
}

/** Waits for one event after another, each with its own limit. */
export class Patience {
  readonly #clock: Clock;
  readonly #onLate: (err: Error) => void;
  #isOver = false;
  #awaited: { readonly what: string; readonly ms: number; readonly dueMs: number } | undefined;
  #watch: { readonly dueMs: number; readonly end: AbortController } | undefined;

  constructor(clock: Clock, onLate: (err: Error) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  /** Reports that the awaited event happened; from now on `what` is awaited. */
  expect(what: string, ms: number): void {
    if (this.#isOver) return;
    const dueMs = this.#clock.elapsedMs() + ms;
    this.#awaited = { what, ms, dueMs };
    // A watch that ends earlier renews itself, so that a stream of chunks starts no timers.
    if (this.#watch !== undefined && this.#watch.dueMs <= dueMs) return;
    this.#watch?.end.abort(finished);
    void this.#watchUntil(dueMs);
  }

  /** Awaits nothing until the next expect(). */
  rest(): void {
    this.#awaited = undefined;
  }

  /** Awaits nothing any more, and ignores further calls of expect(). */
  end(): void {
    this.#isOver = true;
    this.#watch?.end.abort(finished);
  }

  async #watchUntil(dueMs: number): Promise<void> {
    const end = new AbortController();
    this.#watch = { dueMs, end };
    try {
      await this.#clock.sleep(Math.max(0, dueMs - this.#clock.elapsedMs()), end.signal);
    } catch {
      return;
    }
    if (this.#isOver) return;
    if (this.#awaited === undefined) {
      this.#watch = undefined;
      return;
    }
    const { what, ms, dueMs: nowDueMs } = this.#awaited;
    if (this.#clock.elapsedMs() >= nowDueMs) this.#onLate(tooLate(what, ms));
    else await this.#watchUntil(nowDueMs);
  }
}

function tooLate(what: string, ms: number): Error {
  return new Error(`no ${what} within ${ms / 1_000} s`);
}
