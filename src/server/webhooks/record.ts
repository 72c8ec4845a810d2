// Changes that the server itself makes to the record of a webhook: what became of its posts.
import type { Webhook } from '../../model/documents/webhook.ts';
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
