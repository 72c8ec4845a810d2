// Carries events to webhooks. Of the servers of a store one does so, which holds the lease; what waits is in the store,
// so that a restart, or another server, goes on where this one was. An event is deleted once it has arrived: it may
// arrive twice, with the same id, and never not at all.
import { describeError, isAppError } from '../../core/errors.ts';
import {
  deliveryName,
  readDeliveryName,
  type Delivery,
  type Webhook,
} from '../../model/documents/webhook.ts';
import type { Versioned } from '../../store/store.ts';
import type { Receivers } from '../../webhooks/receiver.ts';
import { Lease } from './lease.ts';
import { Overflow, type OverflowServices } from './overflow.ts';
import { post, type Missed } from './post.ts';
import { Queue } from './queue.ts';
import { changeWebhook, dropDeliveries, keptDeliveries } from './records.ts';
import type { Sealing } from './secrets.ts';

/** The waiting events are counted anew so often. */
const tidyMs = 3_600_000;
/** After an error of the store. */
const storeRetryMs = 2000;
const woken = new Error('there is something to do');

export interface CourierServices extends OverflowServices {
  readonly random: () => number;
  readonly newId: () => string;
  readonly receivers: Receivers;
  readonly secrets: Sealing;
  /** It is this server's turn to post. */
  readonly onTurn: () => void;
  /** It is known to be another's. */
  readonly onOther: () => void;
  /** A post to this webhook arrived, or did not. */
  readonly onPost: (webhook: string, outcome: 'arrived' | 'failed') => void;
}

export class Courier {
  readonly #s: CourierServices;
  readonly #lease: Lease;
  readonly #overflow: Overflow;
  readonly #queues = new Map<string, Queue>();
  readonly #running = new Set<Promise<void>>();
  #isCarrying = false;
  /** When everything that waits is counted anew. */
  #countsAt = -Infinity;
  #wake: () => void = () => {};

  constructor(s: CourierServices) {
    this.#s = s;
    this.#lease = new Lease(s, 'webhooks', s.newId());
    this.#overflow = new Overflow(s, () => this.#wake());
  }

  /** True while this server is the one that posts. */
  get isCarrying(): boolean {
    return this.#isCarrying;
  }

  /** The waiting events by webhook: none while another server posts. */
  get queues(): ReadonlyMap<string, Queue> {
    return this.#queues;
  }

  /** A delivery was written or deleted; undefined: any may have been. */
  changed(name: string | undefined, removed: boolean): void {
    if (!this.#isCarrying) return;
    if (name === undefined) {
      this.#countsAt = -Infinity;
      for (const queue of this.#queues.values()) queue.forgetOrder();
    } else this.#note(readDeliveryName(name).webhook, name, removed);
    this.#wake();
  }

  /** Tries at once all that waits for a webhook: somebody changed it, or there is a first one. */
  resume(webhook: string): void {
    this.#queues.get(webhook)?.resume();
    this.#wake();
  }

  /** Carries whenever it is this server's turn, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        // A store without webhooks is not written to.
        if (this.#s.subscriptions.areAny)
          await this.#carry(await this.#lease.take(signal, this.#s.onOther));
        else {
          await this.#dropLeftovers().catch(() => {});
          // There may be a first one since, at which nobody was asleep to be woken.
          if (!this.#s.subscriptions.areAny) await this.#sleep(tidyMs, signal);
        }
      } catch (err) {
        if (signal.aborted) break;
        this.#s.log.warn({ error: describeError(err) }, 'webhooks have to wait, will retry');
        await this.#s.clock.sleep(storeRetryMs, signal).catch(() => {});
      }
    }
    await this.#lease.release().catch(() => {});
  }

  async #carry(term: AbortSignal): Promise<void> {
    this.#isCarrying = true;
    this.#s.onTurn();
    try {
      this.#countsAt = -Infinity;
      while (!term.aborted) {
        if (this.#s.clock.elapsedMs() >= this.#countsAt) await this.#count();
        for (const [webhook, queue] of this.#queues) {
          if (queue.resetsMs <= this.#s.clock.elapsedMs())
            await this.#overflow.reset(webhook, queue);
          for (const lane of queue.takeDue()) this.#start(webhook, queue, lane, term);
        }
        const dueMs = [...this.#queues.values()].map((queue) => queue.untilDueMs());
        const countMs = this.#countsAt - this.#s.clock.elapsedMs();
        await this.#sleep(Math.min(countMs, ...dueMs), term);
      }
      await Promise.all(this.#running);
    } finally {
      this.#isCarrying = false;
      this.#queues.clear();
    }
  }

  /** Errors: those of the store. */
  async #dropLeftovers(): Promise<void> {
    for await (const _ of keptDeliveries(this.#s.store));
  }

  /** Finds everything that waits. Errors: those of the store. */
  async #count(): Promise<void> {
    this.#countsAt = this.#s.clock.elapsedMs() + tidyMs;
    for await (const delivery of keptDeliveries(this.#s.store)) {
      this.#note(delivery.webhook, deliveryName(delivery), false);
    }
    // Their last event may have arrived when nobody was there to say so.
    for await (const { value } of this.#s.store.webhooks.all()) {
      const queue = this.#queueOf(value.name);
      if (value.overflowed_at !== null) await this.#overflow.end(value, queue);
      else if ((value.reset_due ?? null) !== null) this.#overflow.resetSoon(queue);
    }
  }

  #note(webhook: string, name: string, removed: boolean): void {
    const queue = removed ? this.#queues.get(webhook) : this.#queueOf(webhook);
    if (removed) queue?.remove(name);
    else queue?.add(name);
    if (queue !== undefined) this.#overflow.limit(webhook, queue);
  }

  #queueOf(webhook: string): Queue {
    const known = this.#queues.get(webhook);
    if (known !== undefined) return known;
    const made = new Queue(webhook, this.#s, this.#s.policy);
    this.#queues.set(webhook, made);
    return made;
  }

  /** Until something happens, but no longer than `ms`. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const wake = new AbortController();
    this.#wake = () => wake.abort(woken);
    const longest = Math.min(Math.max(ms, 0), tidyMs);
    await this.#s.clock
      .sleep(longest, AbortSignal.any([signal, wake.signal]))
      // It may have been woken.
      .catch(() => {});
  }

  #start(webhook: string, queue: Queue, lane: string, term: AbortSignal): void {
    const running = this.#next(webhook, queue, lane, term)
      .catch((err: unknown) => {
        queue.again(lane, storeRetryMs);
        if (!term.aborted) {
          this.#s.log.warn({ webhook, error: describeError(err) }, 'a webhook has to wait');
        }
      })
      .finally(() => {
        this.#running.delete(running);
        this.#wake();
      });
    this.#running.add(running);
  }

  /** Posts the oldest event of a lane. */
  async #next(webhook: string, queue: Queue, lane: string, term: AbortSignal): Promise<void> {
    const { store } = this.#s;
    const found = (await store.webhooks.get(webhook))?.value;
    if (found === undefined) {
      await dropDeliveries(store, webhook);
      this.#queues.delete(webhook);
      return;
    }
    const first = await this.#oldest(queue, lane);
    if (first === undefined) {
      queue.finished(lane);
      return;
    }
    if (!found.enabled) {
      queue.again(lane, tidyMs);
      return;
    }
    const outcome = await post(this.#s, found, first.value, term);
    if (term.aborted) return;
    this.#s.onPost(webhook, outcome === undefined ? 'arrived' : 'failed');
    if (outcome === undefined) await this.#arrived(found, queue, first.value);
    else if (!(await this.#missed(found, queue, first, outcome))) return;
    queue.passed(lane);
    queue.finished(lane);
  }

  /** The oldest event of a lane; undefined where there is none. Its events are read all at once, in their order, and
   *  again only when these have passed: what is added meanwhile is younger. */
  async #oldest(queue: Queue, lane: string): Promise<Versioned<Delivery> | undefined> {
    const { deliveries } = this.#s.store;
    if (queue.oldest(lane) === undefined) {
      queue.reading(lane);
      const events = await deliveries.snapshot(queue.prefixOf(lane));
      const ordered = events.toSorted((a, b) => orderOf(a) - orderOf(b));
      queue.read(
        lane,
        ordered.map(({ value }) => deliveryName(value)),
      );
    }
    for (let name = queue.oldest(lane); name !== undefined; name = queue.oldest(lane)) {
      const found = await deliveries.get(name).catch(passDamaged);
      if (found !== undefined) return found;
      queue.passed(lane);
    }
    return undefined;
  }

  async #arrived(webhook: Webhook, queue: Queue, delivery: Delivery): Promise<void> {
    queue.arrived();
    await this.#s.store.deliveries.delete(deliveryName(delivery));
    if (webhook.failing !== null)
      await changeWebhook(this.#s.store, webhook.name, () => ({ failing: null }));
    await this.#overflow.end(webhook, queue);
  }

  /** Returns true if the event was given up, so that the next one's turn has come. */
  async #missed(
    webhook: Webhook,
    queue: Queue,
    { value, revision }: Versioned<Delivery>,
    { error, isGone, askedMs }: Missed,
  ): Promise<boolean> {
    const { policy, store } = this.#s;
    const at = this.#s.clock.now().toISOString();
    const tries = value.tries + 1;
    const tried = { ...value, tries, error, order: value.order ?? Number(revision) };
    const waitMs = queue.missed(tries, askedMs);
    // The receiver asks for no more of anything.
    const disabled = isGone ? { enabled: false } : {};
    if (isGone || webhook.failing?.error !== error) {
      const failing = { since: webhook.failing?.since ?? at, error };
      await changeWebhook(this.#s.store, webhook.name, () => ({ failing, ...disabled }));
    }
    if (tries < policy.tries) {
      await store.deliveries.put(tried, { revision });
      queue.again(value.lane, waitMs);
      return false;
    }
    this.#s.log.error(
      { webhook: webhook.name, event: value.event.type, error },
      'an event is given up',
    );
    await store.deliveries.put({ ...tried, failed_at: at });
    await store.deliveries.delete(deliveryName(value), { revision });
    await this.#dropOldest(queue);
    await this.#overflow.end(webhook, queue);
    return true;
  }

  async #dropOldest({ failed }: Queue): Promise<void> {
    const surplus = [...failed].toSorted().slice(0, failed.size - this.#s.policy.failed);
    for (const name of failed.size > this.#s.policy.failed ? surplus : []) {
      await this.#s.store.deliveries.delete(name);
    }
  }
}

/** A damaged record cannot be posted, or posted for, and keeps none waiting. */
export function passDamaged(err: unknown): undefined {
  if (!isAppError(err, 'store.damaged')) throw err;
}

/** The order in which events were written. */
function orderOf({ value, revision }: Versioned<Delivery>): number {
  return value.order ?? Number(revision);
}
