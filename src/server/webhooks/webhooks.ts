// The webhooks of a server: what it queues for them, and what it carries.
import { describeError, isAppError } from '../../core/errors.ts';
import type { Delivery } from '../../model/documents/webhook.ts';
import type { ServerEvent } from '../../model/api/events.ts';
import type { Receivers } from '../../webhooks/receiver.ts';
import type { StoreChange } from '../../store/store.ts';
import type { Events } from '../running/events.ts';
import { Courier, passDamaged, type CourierServices } from './courier.ts';
import { happening } from './events.ts';
import { changeWebhook } from './record.ts';
import { Subscriptions } from './subscriptions.ts';

/** Events that come from no write and wait for the store to take them. */
const mostUnqueued = 10_000;
const storeRetryMs = 2000;
/** The most of them that are queued at once: when a rack goes, each of its machines has one. */
const queuedAtOnce = 64;

export interface WebhookParts extends Omit<CourierServices, 'subscriptions'> {
  readonly events: Events;
  /** An event for this webhook could not be written down. */
  readonly onLost: (webhook: string) => void;
}

export class Webhooks {
  readonly subscriptions: Subscriptions;
  readonly courier: Courier;
  readonly receivers: Receivers;
  readonly #s: WebhookParts;
  #unqueued: Delivery[] = [];
  #queueing: Promise<void> | undefined;
  /** The number of events that were lost, by webhook, until it is in its record. */
  readonly #lost = new Map<string, number>();
  #ends = new AbortController().signal;

  constructor(s: WebhookParts) {
    this.#s = s;
    this.receivers = s.receivers;
    this.subscriptions = new Subscriptions(s);
    this.courier = new Courier({ ...s, subscriptions: this.subscriptions });
    s.store.sendOut(this.subscriptions.outbox, (deliveries) => {
      for (const delivery of deliveries) this.#lose(delivery);
      this.#queueSoon();
    });
    s.events.listen((event) => this.#heard(event));
  }

  /** A record of webhooks was written or deleted; without an id any may have been. */
  changed({ kind, id, removed }: StoreChange): void {
    if (kind === 'deliveries') this.courier.changed(id, removed);
    else if (kind === 'webhooks') void this.reload();
  }

  /** Anything may have changed. */
  startOver(): void {
    void this.reload();
    this.courier.changed(undefined, false);
  }

  /** Reads the webhooks again. An error is logged: what is known stays. */
  async reload(): Promise<void> {
    try {
      for (const name of await this.subscriptions.load()) this.courier.resume(name);
    } catch (err) {
      this.#s.log.warn({ error: describeError(err) }, 'the webhooks cannot be read');
    }
  }

  /** Carries what waits, whenever it is this server's turn, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#ends = signal;
    await this.courier.run(signal);
    await this.#queueing;
    this.receivers.close();
  }

  /** Queues what comes from no write. All servers judge the liveness of a machine, and one tells it. */
  #heard({ type, data }: ServerEvent): void {
    const isTold =
      type === 'machine.token' || (type === 'machine.liveness' && this.courier.isCarrying);
    if (!isTold || !this.subscriptions.areAny) return;
    for (const delivery of this.subscriptions.deliveriesOf(happening(type, data))) {
      if (this.#unqueued.length < mostUnqueued) this.#unqueued.push(delivery);
      else this.#lose(delivery);
    }
    this.#queueSoon();
  }

  #queueSoon(): void {
    this.#queueing ??= this.#queue().finally(() => {
      this.#queueing = undefined;
    });
  }

  /** Until everything is queued. While the store is away or full it waits; when the server ends, it does not. */
  async #queue(): Promise<void> {
    while (this.#unqueued.length > 0 || this.#lost.size > 0) {
      try {
        await this.#queueNext();
      } catch (err) {
        this.#s.log.warn({ error: describeError(err) }, 'events for webhooks cannot be queued yet');
        if (this.#ends.aborted) break;
        await this.#s.clock.sleep(storeRetryMs, this.#ends).catch(() => {});
      }
    }
    for (const delivery of this.#unqueued.splice(0)) this.#lose(delivery);
  }

  /** Errors: those of the store that pass. */
  async #queueNext(): Promise<void> {
    if (this.#unqueued.length === 0) {
      await this.#tellLost();
      return;
    }
    const done = new Set<Delivery>();
    const queue = async (delivery: Delivery): Promise<void> => {
      try {
        await this.#s.store.deliveries.put(delivery, 'absent');
      } catch (err) {
        if (isAppError(err, 'store.unavailable') || isAppError(err, 'store.full')) throw err;
        // A conflict: it was written although the store did not say so.
        if (!isAppError(err, 'store.conflict')) this.#lose(delivery);
      }
      done.add(delivery);
    };
    const queued = await Promise.allSettled(firstOfLanes(this.#unqueued).map(queue));
    this.#unqueued = this.#unqueued.filter((delivery) => !done.has(delivery));
    for (const one of queued) if (one.status === 'rejected') throw one.reason;
  }

  #lose({ webhook, event }: Delivery): void {
    const count = this.#lost.get(webhook) ?? 0;
    if (count === 0) this.#s.log.error({ webhook, event: event.type }, 'events are lost');
    this.#lost.set(webhook, count + 1);
    this.#s.onLost(webhook);
  }

  /** Queues a `reset` for what was lost, and notes it in the webhook. Errors: those of the store. */
  async #tellLost(): Promise<void> {
    const { store, clock } = this.#s;
    for (const [name, count] of this.#lost) {
      if ((await store.webhooks.get(name).catch(passDamaged)) !== undefined) {
        const reset = this.subscriptions.deliveryTo(name, happening('reset', {}));
        await store.deliveries.put(reset, 'absent');
        const at = clock.now().toISOString();
        await changeWebhook(store, name, ({ lost }) => ({
          lost: { count: (lost?.count ?? 0) + count, at },
        }));
      }
      const since = (this.#lost.get(name) ?? 0) - count;
      if (since > 0) this.#lost.set(name, since);
      else this.#lost.delete(name);
    }
  }
}

/** The oldest of several lanes each: those of one lane are written one after another, in their order. */
function firstOfLanes(deliveries: readonly Delivery[]): readonly Delivery[] {
  const first = new Map<string, Delivery>();
  for (const delivery of deliveries.slice(0, 4 * queuedAtOnce)) {
    const { webhook, lane } = delivery;
    const name = `${webhook} ${lane}`;
    if (!first.has(name) && first.size < queuedAtOnce) first.set(name, delivery);
  }
  return [...first.values()];
}
