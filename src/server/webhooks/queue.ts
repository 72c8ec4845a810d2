// The queue of one webhook, in memory: the lanes that have events, and when each may be tried. The events themselves
// stay in the store.
import type { Clock } from '../../core/clock.ts';
import { fullJitterMs } from '../../core/backoff.ts';
import { deliveryPrefix, readDeliveryName } from '../../model/documents/webhook.ts';
import type { WebhookPolicy } from './policy.ts';

/** A receiver that took none of so many posts in a row is away. With fewer it may be the events. */
const awayAfter = 5;

interface Lane {
  dueMs: number;
  isRunning: boolean;
  /** Something was added since its events were read. */
  hasMore: boolean;
  /** The names of its events, the oldest last, as they were read. */
  order: string[];
}

export interface QueueServices {
  readonly clock: Clock;
  /** Returns [0, 1). */
  readonly random: () => number;
}

export class Queue {
  /** Names of deliveries. */
  readonly waiting = new Set<string>();
  readonly failed = new Set<string>();
  /** No more is queued, or that was asked for. */
  isOverflowing = false;
  /** When a `reset` is queued for what was not. */
  resetsMs = Infinity;
  readonly #webhook: string;
  readonly #lanes = new Map<string, Lane>();
  readonly #s: QueueServices;
  readonly #policy: WebhookPolicy;
  #running = 0;
  /** Posts in a row that did not arrive. */
  #streak = 0;
  #resumesMs = -Infinity;

  constructor(webhook: string, s: QueueServices, policy: WebhookPolicy) {
    this.#webhook = webhook;
    this.#s = s;
    this.#policy = policy;
  }

  /** True if no more is posted at a time: the end of one that runs is waited for. */
  get #isBusy(): boolean {
    return this.#running >= (this.#streak > 0 ? 1 : this.#policy.atOnce);
  }

  add(name: string): void {
    const { lane } = readDeliveryName(name);
    (lane === undefined ? this.failed : this.waiting).add(name);
    if (lane === undefined) return;
    const known = this.#lanes.get(lane);
    if (known === undefined) {
      this.#lanes.set(lane, { dueMs: -Infinity, isRunning: false, hasMore: false, order: [] });
    } else known.hasMore = true;
  }

  remove(name: string): void {
    this.waiting.delete(name);
    this.failed.delete(name);
  }

  /** The oldest event of a lane that was read and has not passed; undefined where its events have to be read. */
  oldest(lane: string): string | undefined {
    return this.#lanes.get(lane)?.order.at(-1);
  }

  /** The events of a lane are read from now on. */
  reading(name: string): void {
    const lane = this.#lanes.get(name);
    if (lane !== undefined) lane.hasMore = false;
  }

  /** The events of a lane, the oldest first. Those that are added later are younger. */
  read(name: string, order: readonly string[]): void {
    const lane = this.#lanes.get(name);
    if (lane !== undefined) lane.order = [...order].toReversed();
  }

  /** The oldest event of a lane arrived, or was given up. */
  passed(name: string): void {
    this.#lanes.get(name)?.order.pop();
  }

  /** Has the order of all events read again. */
  forgetOrder(): void {
    for (const lane of this.#lanes.values()) {
      lane.order = [];
      lane.hasMore = true;
    }
  }

  /** Everything may be tried at once: somebody changed the webhook. */
  resume(): void {
    this.#streak = 0;
    this.#resumesMs = -Infinity;
    for (const lane of this.#lanes.values()) lane.dueMs = -Infinity;
  }

  /** The lanes to try now, which then count as running. While the receiver fails, one at a time finds out whether it is
   *  back. */
  takeDue(): string[] {
    const nowMs = this.#s.clock.elapsedMs();
    const taken: string[] = [];
    if (nowMs < this.#resumesMs) return taken;
    for (const [name, lane] of this.#lanes) {
      if (this.#isBusy) break;
      if (lane.isRunning || lane.dueMs > nowMs) continue;
      lane.isRunning = true;
      this.#running += 1;
      taken.push(name);
    }
    return taken;
  }

  /** Until the next lane may be tried; Infinity where none waits for its time. */
  untilDueMs(): number {
    let dueMs = Infinity;
    for (const lane of this.#lanes.values()) {
      if (!lane.isRunning) dueMs = Math.min(dueMs, lane.dueMs);
    }
    const laneMs = this.#isBusy ? Infinity : Math.max(dueMs, this.#resumesMs);
    return Math.min(laneMs, this.resetsMs) - this.#s.clock.elapsedMs();
  }

  /** A lane is done with for now. */
  finished(name: string): void {
    const lane = this.#ended(name);
    this.#lanes.delete(name);
    const hasMore = lane !== undefined && (lane.order.length > 0 || lane.hasMore);
    if (hasMore) this.#append(name, lane, -Infinity);
  }

  /** A lane is tried again after `ms`. */
  again(name: string, ms: number): void {
    const lane = this.#ended(name);
    if (lane !== undefined) this.#append(name, lane, this.#s.clock.elapsedMs() + ms);
  }

  /** The receiver took a post. */
  arrived(): void {
    // It was away and is back: that its events were tried in vain says nothing of them.
    if (this.#streak >= awayAfter) this.resume();
    this.#streak = 0;
    this.#resumesMs = -Infinity;
  }

  /** The receiver did not take a post, for the so many-th time. Returns when that one is tried again.
   *  `askedMs`: how long it asked to be left alone. */
  missed(tries: number, askedMs = 0): number {
    const { pause, retry } = this.#policy;
    const pauseMs = fullJitterMs(pause, this.#streak, this.#s.random);
    this.#streak += 1;
    this.#resumesMs = this.#s.clock.elapsedMs() + Math.max(pauseMs, askedMs);
    return fullJitterMs(retry, tries - 1, this.#s.random);
  }

  /** The names of its deliveries begin so. */
  prefixOf(lane: string): string {
    return deliveryPrefix.lane(this.#webhook, lane);
  }

  /** Puts a lane behind the others, so that no machine keeps them waiting. */
  #append(name: string, lane: Lane, dueMs: number): void {
    lane.dueMs = dueMs;
    this.#lanes.delete(name);
    this.#lanes.set(name, lane);
  }

  #ended(name: string): Lane | undefined {
    const lane = this.#lanes.get(name);
    if (lane === undefined || !lane.isRunning) return undefined;
    this.#running -= 1;
    lane.isRunning = false;
    return lane;
  }
}
