// The server's own changes to the records of webhooks: it notes the outcome of posts, and removes the deliveries of webhooks
// that are no more.
import {
  deliveryName,
  deliveryPrefix,
  type Delivery,
  type Webhook,
} from '../../model/documents/webhook.ts';
import { retryOnConflict } from '../../store/retry.ts';
import type { Store } from '../../store/store.ts';

/** Changes a webhook, if it is still there; not at all where `change` gives undefined. Errors: those of the store. */
export async function changeWebhook(
  store: Store,
  name: string,
  change: (old: Webhook) => Partial<Webhook> | undefined,
): Promise<void> {
  await retryOnConflict(async () => {
    const found = await store.webhooks.get(name);
    if (found === undefined) return;
    const changed = change(found.value);
    if (changed === undefined) return;
    await store.webhooks.put({ ...found.value, ...changed }, { revision: found.revision });
  });
}

type Deliveries = Pick<Store, 'deliveries' | 'webhooks'>;

/** All deliveries, but those for webhooks that are no more, which a server queued that did not know yet: these are
 *  removed. Errors: those of the store. */
export async function* keptDeliveries({
  deliveries,
  webhooks,
}: Deliveries): AsyncGenerator<Delivery> {
  let known: { readonly name: string; readonly isGone: boolean } | undefined;
  for await (const { value } of deliveries.all()) {
    const name = value.webhook;
    if (known?.name !== name) {
      const found = await webhooks.get(name).catch(() => 'damaged');
      known = { name, isGone: found === undefined };
    }
    if (known.isGone) await deliveries.delete(deliveryName(value));
    else yield value;
  }
}

/** Removes what was queued for a webhook that is no more. Errors: those of the store. */
export async function dropDeliveries({ deliveries }: Deliveries, webhook: string): Promise<void> {
  for await (const { value } of deliveries.all(deliveryPrefix.all(webhook))) {
    await deliveries.delete(deliveryName(value));
  }
}
