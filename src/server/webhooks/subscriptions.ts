// The webhooks that are registered, kept in memory, and the deliveries that an event becomes for them.
import type { Clock } from '../../core/clock.ts';
import type { Delivery, Webhook } from '../../model/documents/webhook.ts';
import type { Outbox, Store } from '../../store/store.ts';
import { happeningOf, type Happening } from './events.ts';
import { knownMs } from './policy.ts';

export interface SubscriptionServices {
  readonly store: Store;
  readonly clock: Clock;
  readonly newId: () => string;
}

export class Subscriptions {
  readonly #s: SubscriptionServices;
  #webhooks: readonly Webhook[] = [];
  #loading: Promise<unknown> = Promise.resolve();

  constructor(s: SubscriptionServices) {
    this.#s = s;
  }

  get areAny(): boolean {
    return this.#webhooks.length > 0;
  }

  /** Reads them from the store. Returns the names of those that an operator made or changed since.
   *  Errors: those of the store, and then what is known stays. */
  load(): Promise<string[]> {
    // One after another: the last to begin has the newest.
    const loading = this.#loading.then(() => this.#read());
    this.#loading = loading.catch(() => {});
    return loading;
  }

  async #read(): Promise<string[]> {
    const webhooks: Webhook[] = [];
    for await (const { value } of this.#s.store.webhooks.all()) webhooks.push(value);
    const known = new Set(this.#webhooks.map(asOrdered));
    this.#webhooks = webhooks;
    return webhooks.filter((one) => !known.has(asOrdered(one))).map(({ name }) => name);
  }

  /** The deliveries of a write, for the commit that makes it. */
  readonly outbox: Outbox = (write) => {
    if (!this.areAny) return [];
    const event = happeningOf(write);
    return event === undefined ? [] : this.deliveriesOf(event);
  };

  /** One for each webhook that wants the event. */
  deliveriesOf(event: Happening): Delivery[] {
    return this.namesFor(event).map((webhook) => this.deliveryTo(webhook, event));
  }

  /** The webhooks that want the event. */
  namesFor({ type }: Happening): string[] {
    const isSure = this.#s.store.watchAgeMs() < knownMs;
    return this.#webhooks.filter((one) => wants(one, type, isSure)).map(({ name }) => name);
  }

  /** `timestamp`: when it happened, which is now where it is left out. */
  deliveryTo(
    webhook: string,
    { type, lane, data }: Happening,
    timestamp = this.#s.clock.now().toISOString(),
  ): Delivery {
    return {
      id: this.#s.newId(),
      webhook,
      lane,
      event: { type, timestamp, data },
      tries: 0,
      order: null,
      error: null,
      failed_at: null,
    };
  }
}

/** The part of a webhook that operators decide on. */
function asOrdered({ name, url, enabled, secret }: Webhook): string {
  return JSON.stringify([name, url, enabled, secret]);
}

/** `isSure`: whether another server has ended the overflow since would be known. */
function wants(
  { enabled, overflowed_at, events }: Webhook,
  type: string,
  isSure: boolean,
): boolean {
  const isFull = overflowed_at !== null && isSure;
  return enabled && !isFull && (events === null || events.includes(type));
}
