// Time as an argument: code that waits or measures takes a Clock, so that tests need not wait.
import { hrtime } from 'node:process';

export interface Clock {
  /** The wall clock, which may step. Use it only for times that people read. */
  now(): Date;
  /** Milliseconds on the monotonic clock, from an arbitrary start. Never goes back. */
  elapsedMs(): number;
  /** Resolves after `ms` on the monotonic clock, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of the running system. */
export const systemClock: Clock = {
  now: () => new Date(),
  // Not performance.now(): it loads nine more of Node's modules, a megabyte.
  elapsedMs: () => {
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1_000 + nanoseconds / 1e6;
  },
  sleep: (ms, signal) => (ms <= longestTimerMs ? timer(ms, signal) : longSleep(ms, signal)),
};

/** Node ends a longer timer at once. */
const longestTimerMs = 2 ** 31 - 1;

async function longSleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let left = ms;
  for (; left > longestTimerMs; left -= longestTimerMs) await timer(longestTimerMs, signal);
  await timer(left, signal);
}

function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortReason(signal));
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timeout);
      reject(abortReason(signal));
    };
    const timeout = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** A clock that stands still until it is advanced. A simulated week takes milliseconds. */
export class ManualClock implements Clock {
  #wallMs: number;
  #elapsedMs = 0;
  #sleepers: { dueMs: number; wake: () => void }[] = [];

  constructor(startsAt: Date) {
    this.#wallMs = startsAt.getTime();
  }

  now(): Date {
    return new Date(this.#wallMs);
  }

  elapsedMs(): number {
    return this.#elapsedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(abortReason(signal));
        return;
      }
      const onAbort = (): void => {
        this.#sleepers = this.#sleepers.filter((s) => s !== sleeper);
        reject(abortReason(signal));
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const sleeper = { dueMs: this.#elapsedMs + ms, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The elapsed time at which the next sleeper is due; undefined if nobody sleeps. Units: milliseconds. */
  nextDueMs(): number | undefined {
    return this.#sleepers.length === 0
      ? undefined
      : Math.min(...this.#sleepers.map((s) => s.dueMs));
  }

  /** Advances both clocks, waking sleepers in the order in which they are due. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms;
    for (;;) {
      const dueMs = this.nextDueMs();
      if (dueMs === undefined || dueMs > endMs) break;
      this.#moveTo(dueMs);
      const due = this.#sleepers.filter((s) => s.dueMs <= dueMs);
      this.#sleepers = this.#sleepers.filter((s) => s.dueMs > dueMs);
      for (const s of due) s.wake();
      await settle();
    }
    this.#moveTo(endMs);
    await settle();
  }

  /** Steps only the wall clock, as NTP or an operator does. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  #moveTo(elapsedMs: number): void {
    this.#wallMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
  }
}

/** Lets pending promise reactions run. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
