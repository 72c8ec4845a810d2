// Too many events that wait for a webhook: no more are queued until most have arrived, and then a `reset` stands for
// those that were not.
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Webhook } from '../../model/documents/webhook.ts';
import type { Store } from '../../store/store.ts';
import { happening } from './events.ts';
import type { WebhookPolicy } from './policy.ts';
import type { Queue } from './queue.ts';
import { changeWebhook } from './records.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface OverflowServices {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly subscriptions: Subscriptions;
  readonly policy: WebhookPolicy;
}

export class Overflow {
  readonly #s: OverflowServices;
  readonly #wake: () => void;

  /** `wake`: there is a `reset` to come. */
  constructor(s: OverflowServices, wake: () => void) {
    this.#s = s;
    this.#wake = wake;
  }

  /** No more is queued while too much waits. */
  limit(webhook: string, queue: Queue): void {
    if (queue.isOverflowing || queue.waiting.size <= this.#s.policy.waiting) return;
    queue.isOverflowing = true;
    this.#s.log.error({ webhook }, 'too many events wait for a webhook: no more are queued');
    const overflowed_at = this.#s.clock.now().toISOString();
    const change = (old: Webhook) => ({ overflowed_at: old.overflowed_at ?? overflowed_at });
    changeWebhook(this.#s.store, webhook, change).catch(() => {
      queue.isOverflowing = false;
    });
  }

  /** Once most of it has arrived, more is queued again, and then a `reset` for what was not. Errors: those of the
   *  store. */
  async end({ name, overflowed_at }: Webhook, queue: Queue): Promise<void> {
    const isOver = queue.isOverflowing || overflowed_at !== null;
    if (!isOver || queue.waiting.size > this.#s.policy.waiting / 10) return;
    const reset_due = this.#s.clock.now().toISOString();
    let hasEnded = false;
    await changeWebhook(this.#s.store, name, (old) => {
      // Posts that arrive together each come with the record of before.
      hasEnded = old.overflowed_at !== null;
      return hasEnded ? { overflowed_at: null, reset_due } : undefined;
    });
    queue.isOverflowing = false;
    if (hasEnded) this.resetSoon(queue);
  }

  /** Another server may drop events until it knows that it need not, and the `reset` tells of these as well. */
  resetSoon(queue: Queue): void {
    const { clock, policy, store } = this.#s;
    if (queue.resetsMs !== Infinity) return;
    queue.resetsMs = clock.elapsedMs() + (store.isExclusive ? 0 : policy.settleMs);
    this.#wake();
  }

  /** Queues a `reset`. One that is queued twice does no harm, one that is not would. Errors: those of the store. */
  async reset(webhook: string, queue: Queue): Promise<void> {
    const { store, subscriptions } = this.#s;
    const reset = subscriptions.deliveryTo(webhook, happening('reset', {}));
    await store.deliveries.put(reset, 'absent');
    await changeWebhook(store, webhook, () => ({ reset_due: null }));
    queue.resetsMs = Infinity;
  }
}
