// The delay before the next try: exponential with full jitter, so that a fleet that failed in one second
// does not come back in one second.

export interface BackoffPolicy {
  readonly baseMs: number;
  readonly capMs: number;
}

/** Draws a delay evenly from 0 to min(cap, base × 2^attempt). Units: milliseconds.
 *  `attempt` counts from 0; `random` returns [0, 1).
 *  Source: "full jitter" of the AWS Architecture Blog, "Exponential Backoff And Jitter". */
export function fullJitterMs(policy: BackoffPolicy, attempt: number, random: () => number): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(attempt, 52));
  return random() * ceiling;
}
