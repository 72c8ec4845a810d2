// Turns agents away under overload, their logs first, heartbeats before check-ins: a machine that cannot register is
// worse off than one that looks late for a while.
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import type { Metrics } from './metrics/metrics.ts';

export interface OverloadPolicy {
  /** The most check-ins in progress; those beyond are told to come again later. */
  readonly maxCheckins: number;
  /** The event loop lag beyond which heartbeats, and then check-ins, are turned away. */
  readonly heartbeatLagMs: number;
  readonly checkinLagMs: number;
}

export const defaultOverload: OverloadPolicy = {
  maxCheckins: 1024,
  heartbeatLagMs: 500,
  checkinLagMs: 2000,
};

/** Requests that are turned away. */
type Turned = 'log' | 'heartbeat' | 'checkin';

interface Bounds {
  readonly lagMs: number;
  readonly checkins: number;
}

/** The interval of measuring the lag. */
const tickMs = 100;

export class Overload {
  readonly #policy: OverloadPolicy;
  readonly #bounds: Readonly<Record<Turned, Bounds>>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #metrics: Metrics;
  #checkins = 0;
  #lagMs = 0;
  /** Smoothed seconds that one check-in takes, to estimate how long a queue of them will. */
  #secondsEach = 0.001;
  #finishedMs = 0;

  constructor(policy: OverloadPolicy, clock: Clock, random: () => number, metrics: Metrics) {
    const { maxCheckins, heartbeatLagMs, checkinLagMs } = policy;
    this.#policy = policy;
    this.#bounds = {
      log: { lagMs: heartbeatLagMs / 2, checkins: maxCheckins / 8 },
      heartbeat: { lagMs: heartbeatLagMs, checkins: maxCheckins / 2 },
      checkin: { lagMs: checkinLagMs, checkins: maxCheckins },
    };
    this.#clock = clock;
    this.#random = random;
    this.#metrics = metrics;
  }

  /** True if check-ins are queueing, so that other work should wait. */
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

  /** True if requests of this kind are refused now. */
  refuses(kind: Turned): boolean {
    const { lagMs, checkins } = this.#bounds[kind];
    return this.#lagMs > lagMs || this.#checkins >= checkins;
  }

  /** Refuses the request under overload. Errors: AppError `server.busy`. */
  refuse(kind: Turned): void {
    if (!this.refuses(kind)) return;
    this.#metrics.refused.inc({ kind });
    throw new AppError('server.busy', 'the server is overloaded; try again later', {
      details: { retry_after_seconds: this.#retryAfterSeconds() },
    });
  }

  /** Runs a check-in and counts it. Errors: AppError `server.busy`. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.refuse('checkin');
    return this.runAlways(work);
  }

  /** Runs a check-in that is never turned away, and counts it. */
  async runAlways<T>(work: () => Promise<T>): Promise<T> {
    this.#checkins += 1;
    try {
      return await work();
    } finally {
      this.#checkins -= 1;
      this.#measure();
    }
  }

  /** Smooths the time between two check-ins that finished while others waited. */
  #measure(): void {
    const nowMs = this.#clock.elapsedMs();
    const seconds = Math.min(1, (nowMs - this.#finishedMs) / 1000);
    this.#finishedMs = nowMs;
    if (this.#checkins > 0) this.#secondsEach += (seconds - this.#secondsEach) * 0.02;
  }

  /** Estimates when the queue is done, spread so that those turned away do not come back together. */
  #retryAfterSeconds(): number {
    const drainSeconds = this.#checkins * this.#secondsEach;
    return Math.ceil(1 + drainSeconds * 2 * this.#random() + this.#random());
  }
}
