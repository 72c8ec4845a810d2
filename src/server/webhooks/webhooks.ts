// The webhooks of a server: what it queues for them, and what it carries.
import { describeError, isAppError } from '../../core/errors.ts';
import type { Delivery } from '../../model/documents/webhook.ts';
import type { ServerEvent } from '../../model/api/events.ts';
import type { Receivers } from '../../webhooks/receiver.ts';
import type { StoreChange } from '../../store/store.ts';
import type { Events } from '../running/events.ts';
import { Courier, passDamaged, type CourierServices } from './courier.ts';
import { happening } from './events.ts';
import { changeWebhook } from './records.ts';
import { Subscriptions } from './subscriptions.ts';
import { Untold, type Told } from './untold.ts';

/** Events that come from no write and wait for the store to take them, however many webhooks want each. */
const mostUnqueued = 10_000;
const storeRetryMs = 2000;
/** The most of them that are queued at once: when a rack goes, each of its machines has one. */
const queuedAtOnce = 64;

/** An event that waits for the store to take it. */
interface Unqueued extends Told {
  readonly webhooks: readonly string[];
  /** Those that are not written yet, once its turn has come. */
  deliveries?: readonly Delivery[];
}

export interface WebhookParts extends Omit<
  CourierServices,
  'subscriptions' | 'onTurn' | 'onOther'
> {
  readonly events: Events;
  /** So many events for this webhook could not be written down. */
  readonly onLost: (webhook: string, count: number) => void;
}

export class Webhooks {
  readonly subscriptions: Subscriptions;
  readonly courier: Courier;
  readonly receivers: Receivers;
  readonly #s: WebhookParts;
  readonly #untold: Untold;
  #unqueued: Unqueued[] = [];
  #queueing: Promise<void> | undefined;
  /** The number of events that were lost, by webhook, until it is in its record. */
  readonly #lost = new Map<string, number>();
  #ends = new AbortController().signal;

  constructor(s: WebhookParts) {
    this.#s = s;
    this.receivers = s.receivers;
    this.subscriptions = new Subscriptions(s);
    this.#untold = new Untold(s.clock, mostUnqueued);
    this.courier = new Courier({
      ...s,
      subscriptions: this.subscriptions,
      onTurn: () => this.#tellUntold(),
      onOther: () => this.#untold.othersTurn(),
    });
    s.store.sendOut(this.subscriptions.outbox, (deliveries) => {
      for (const { webhook, event } of deliveries) this.#lose(webhook, event.type);
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
      // One that comes later hears nothing of what was before it.
      if (!this.subscriptions.areAny) this.#untold.take();
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
    if (type !== 'machine.token' && type !== 'machine.liveness') return;
    if (!this.subscriptions.areAny) return;
    const event = { ...happening(type, data), timestamp: this.#s.clock.now().toISOString() };
    if (type === 'machine.liveness' && !this.courier.isCarrying) this.#untold.add(event);
    else this.#tell(event);
  }

  #tellUntold(): void {
    const { events, dropped } = this.#untold.take();
    for (const event of events) this.#tell(event);
    if (dropped === 0) return;
    for (const webhook of this.subscriptions.namesFor(happening('machine.liveness', {})))
      this.#lose(webhook, 'machine.liveness', dropped);
    this.#queueSoon();
  }

  #tell(event: Told): void {
    const webhooks = this.subscriptions.namesFor(event);
    if (webhooks.length === 0) return;
    if (this.#unqueued.length < mostUnqueued) this.#unqueued.push({ ...event, webhooks });
    else for (const webhook of webhooks) this.#lose(webhook, event.type);
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
    for (const { webhooks, deliveries, type } of this.#unqueued.splice(0)) {
      const left = deliveries?.map(({ webhook }) => webhook) ?? webhooks;
      for (const webhook of left) this.#lose(webhook, type);
    }
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
        if (!isAppError(err, 'store.conflict')) this.#lose(delivery.webhook, delivery.event.type);
      }
      done.add(delivery);
    };
    const events = firstOfLanes(this.#unqueued);
    for (const event of events) event.deliveries ??= this.#deliveriesOf(event);
    const queued = await Promise.allSettled(events.flatMap(deliveriesOf).map(queue));
    for (const event of events)
      event.deliveries = deliveriesOf(event).filter((delivery) => !done.has(delivery));
    this.#unqueued = this.#unqueued.filter(({ deliveries }) => deliveries?.length !== 0);
    for (const one of queued) if (one.status === 'rejected') throw one.reason;
  }

  #deliveriesOf(event: Unqueued): readonly Delivery[] {
    const { webhooks, timestamp } = event;
    return webhooks.map((name) => this.subscriptions.deliveryTo(name, event, timestamp));
  }

  #lose(webhook: string, event: string, more = 1): void {
    const count = this.#lost.get(webhook) ?? 0;
    if (count === 0) this.#s.log.error({ webhook, event }, 'events are lost');
    this.#lost.set(webhook, count + more);
    this.#s.onLost(webhook, more);
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
function firstOfLanes(events: readonly Unqueued[]): readonly Unqueued[] {
  const first = new Map<string, Unqueued>();
  let count = 0;
  for (const event of events.slice(0, 4 * queuedAtOnce)) {
    if (first.has(event.lane)) continue;
    count += event.webhooks.length;
    if (count > queuedAtOnce && first.size > 0) break;
    first.set(event.lane, event);
  }
  return [...first.values()];
}

function deliveriesOf({ deliveries = [] }: Unqueued): readonly Delivery[] {
  return deliveries;
}
