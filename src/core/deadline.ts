// Time limits on the monotonic clock: for a piece of work, and for its next sign of life.
import type { Clock } from './clock.ts';

/** The reason why a limit is lifted. A single one: an abort without a reason makes an error with its
 *  stack each time, a fifth of what a request costs. */
const finished = new Error('finished in time');

/** Runs `work` with a signal that is aborted by `signal` or when `ms` have passed; `what` is then said
 *  to be missing. Errors: those of `work`; it has to end when its signal is aborted. */
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

/** Waits for what cannot be stopped, at most for `ms`, and leaves it to itself after that. Errors: those of
 *  the promise, the one that `late` makes, the signal's reason. */
export async function inTime<T>(
  promise: Promise<T>,
  clock: Clock,
  ms: number,
  late: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = new Deadline(clock, ms, late, signal);
  // Nobody is interested in the loser of the race.
  promise.catch(() => {});
  try {
    return await Promise.race([promise, deadline.passed]);
  } finally {
    deadline.end();
  }
}

/** One time limit, with one timer, for any number of promises. */
export class Deadline {
  /** Rejects when the time is over, with what `late` makes, or when the signal is aborted. */
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
    // Mostly it loses the race.
    this.passed.catch(() => {});
  }

  /** Aborted at that moment, and at the end. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Stops the timer. */
  end(): void {
    this.#over.abort(finished);
  }
}

/** Waits for one thing after another, each within its time. */
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

  /** What was awaited has come; from now on `what` is. */
  expect(what: string, ms: number): void {
    if (this.#isOver) return;
    const dueMs = this.#clock.elapsedMs() + ms;
    this.#awaited = { what, ms, dueMs };
    // A watch that ends before goes on by itself: chunks that follow each other start none.
    if (this.#watch !== undefined && this.#watch.dueMs <= dueMs) return;
    this.#watch?.end.abort(finished);
    void this.#watchUntil(dueMs);
  }

  /** Nothing is awaited until something is expected again. */
  rest(): void {
    this.#awaited = undefined;
  }

  /** Nothing is awaited any more, whatever is expected after this. */
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
