// The webhooks of a server: what it queues for them, and what it carries.
import { describeError } from '../../core/errors.ts';
import type { Delivery } from '../../model/documents/webhook.ts';
import type { ServerEvent } from '../../model/api/events.ts';
import type { Receivers } from '../../webhooks/receiver.ts';
import type { StoreChange } from '../../store/store.ts';
import type { Events } from '../running/events.ts';
import { Courier, type CourierServices } from './courier.ts';
import { happening } from './events.ts';
import { Subscriptions } from './subscriptions.ts';

/** Events that come from no write and wait to be queued: more are dropped, as the store cannot take them. */
const mostUnqueued = 10_000;

export type WebhookParts = Omit<CourierServices, 'subscriptions'> & { readonly events: Events };

export class Webhooks {
  readonly subscriptions: Subscriptions;
  readonly courier: Courier;
  readonly receivers: Receivers;
  readonly #s: WebhookParts;
  #unqueued: Delivery[] = [];
  #queueing: Promise<void> | undefined;

  constructor(s: WebhookParts) {
    this.#s = s;
    this.receivers = s.receivers;
    this.subscriptions = new Subscriptions(s);
    this.courier = new Courier({ ...s, subscriptions: this.subscriptions });
    s.store.sendOut(this.subscriptions.outbox);
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
    await this.courier.run(signal);
    await this.#queueing;
    this.receivers.close();
  }

  /** Queues what comes from no write. All servers judge the liveness of a machine, and one tells it. */
  #heard({ type, data }: ServerEvent): void {
    const isTold =
      type === 'machine.token' || (type === 'machine.liveness' && this.courier.isCarrying);
    if (!isTold || !this.subscriptions.areAny || this.#unqueued.length >= mostUnqueued) return;
    this.#unqueued.push(...this.subscriptions.deliveriesOf(happening(type, data)));
    this.#queueing ??= this.#queue().finally(() => {
      this.#queueing = undefined;
    });
  }

  async #queue(): Promise<void> {
    for (let next = this.#unqueued.shift(); next !== undefined; next = this.#unqueued.shift()) {
      try {
        await this.#s.store.deliveries.put(next, 'absent');
      } catch (err) {
        this.#s.log.warn(
          { webhook: next.webhook, event: next.event.type, error: describeError(err) },
          'an event cannot be queued',
        );
      }
    }
  }
}
