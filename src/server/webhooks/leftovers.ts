// Deliveries of webhooks that are no more.
import { deliveryName, deliveryPrefix, type Delivery } from '../../model/documents/webhook.ts';
import type { Store } from '../../store/store.ts';

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
