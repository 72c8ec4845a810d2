// Too much at once: agents are told to come again later, heartbeats before check-ins, because a machine
// that cannot register is worse off than one that looks late for a while.
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import type { Metrics } from './metrics.ts';

export interface OverloadPolicy {
  /** Check-ins that are being worked on at most; what comes beyond is told to come again. */
  readonly maxCheckins: number;
  /** The event loop's lag beyond which heartbeats, and check-ins, are sent away. */
  readonly heartbeatLagMs: number;
  readonly checkinLagMs: number;
}

export const defaultOverload: OverloadPolicy = {
  maxCheckins: 1024,
  heartbeatLagMs: 500,
  checkinLagMs: 2000,
};

/** How often the lag is measured. */
const tickMs = 100;

export class Overload {
  readonly #policy: OverloadPolicy;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #metrics: Metrics;
  #checkins = 0;
  #lagMs = 0;
  /** Seconds of one check-in's share of the work, smoothed: what a queue of them will take. */
  #secondsEach = 0.001;
  #finishedMs = 0;

  constructor(policy: OverloadPolicy, clock: Clock, random: () => number, metrics: Metrics) {
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
    this.#metrics = metrics;
  }

  /** Whether check-ins wait for each other: work that can wait should. */
  get isBusy(): boolean {
    return this.#checkins >= this.#policy.maxCheckins / 8;
  }

  /** Measures the event loop's lag until `signal` aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const beforeMs = this.#clock.elapsedMs();
      await this.#clock.sleep(tickMs, signal);
      const lagMs = Math.max(0, this.#clock.elapsedMs() - beforeMs - tickMs);
      this.#lagMs = Math.max(lagMs, this.#lagMs * 0.7);
    }
  }

  /** Errors: AppError `server.busy` when there is too much to do. */
  refuse(kind: 'heartbeat' | 'checkin'): void {
    const { maxCheckins, heartbeatLagMs, checkinLagMs } = this.#policy;
    const isHeartbeat = kind === 'heartbeat';
    const tooMuch =
      this.#lagMs > (isHeartbeat ? heartbeatLagMs : checkinLagMs) ||
      this.#checkins >= (isHeartbeat ? maxCheckins / 2 : maxCheckins);
    if (!tooMuch) return;
    this.#metrics.refused.inc({ kind });
    throw new AppError('server.busy', 'the server has too much to do; come again later', {
      details: { retry_after_seconds: this.#retryAfterSeconds() },
    });
  }

  /** Does the work of a check-in, counted. Errors: AppError `server.busy`. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.refuse('checkin');
    this.#checkins += 1;
    try {
      return await work();
    } finally {
      this.#checkins -= 1;
      this.#measure();
    }
  }

  /** Smooths the time between two check-ins that were finished while others waited. */
  #measure(): void {
    const nowMs = this.#clock.elapsedMs();
    const seconds = Math.min(1, (nowMs - this.#finishedMs) / 1000);
    this.#finishedMs = nowMs;
    if (this.#checkins > 0) this.#secondsEach += (seconds - this.#secondsEach) * 0.02;
  }

  /** When the queue should be done, spread so that those sent away do not come back together. */
  #retryAfterSeconds(): number {
    const drainSeconds = this.#checkins * this.#secondsEach;
    return Math.ceil(1 + drainSeconds * 2 * this.#random() + this.#random());
  }
}
