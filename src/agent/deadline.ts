// A piece of work with a time limit on the monotonic clock.
import type { Clock } from '../core/clock.ts';

/** Runs `work` with a signal that is aborted by `signal` or when `ms` have passed.
 *  Errors: those of `work`; it has to end when its signal is aborted. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const finished = new AbortController();
  const late = new AbortController();
  clock.sleep(ms, AbortSignal.any([finished.signal, signal])).then(
    () => late.abort(new Error(`no complete answer within ${ms / 1_000} s`)),
    () => {},
  );
  try {
    return await work(AbortSignal.any([signal, late.signal]));
  } finally {
    finished.abort();
  }
}
