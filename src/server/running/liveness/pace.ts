// The pace at which machines are to be heard.

export interface LivenessPolicy {
  /** The shortest interval, which a small fleet gets. */
  readonly intervalSeconds: number;
  /** The most heartbeats per second; beyond it the interval grows with the fleet. */
  readonly maxBeatsPerSecond: number;
}

export const defaultLiveness: LivenessPolicy = { intervalSeconds: 10, maxBeatsPerSecond: 500 };

/** The longest time between check-ins of an agent that sends no heartbeats. */
export const stockRhythmMs = 30_000;

export class Pace {
  readonly #policy: LivenessPolicy;
  readonly #random: () => number;

  constructor(policy: LivenessPolicy, random: () => number) {
    this.#policy = policy;
    this.#random = random;
  }

  /** The interval of a fleet of this size. Units: milliseconds. */
  intervalMs(machines: number): number {
    const byLoad = machines / this.#policy.maxBeatsPerSecond;
    return Math.max(this.#policy.intervalSeconds, byLoad) * 1000;
  }

  /** The interval with ±10 % of jitter, so that machines powered on together do not beat together. Units:
   *  milliseconds. */
  nextMs(machines: number): number {
    return this.intervalMs(machines) * (0.9 + 0.2 * this.#random());
  }
}

/** The interval of an agent that only ever checks in, as a stock agent does: the one it has just shown. Units:
 *  milliseconds. */
export function rhythmOf(silentMs: number | undefined): number {
  return Math.max(stockRhythmMs, silentMs ?? 0);
}
