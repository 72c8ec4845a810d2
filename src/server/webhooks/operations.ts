// The operations of operators on webhooks, over the store.
import { AppError, isAppError } from '../../core/errors.ts';
import type { Clock } from '../../core/clock.ts';
import {
  deliveryName,
  deliveryPrefix,
  type Delivery,
  type Webhook,
} from '../../model/documents/webhook.ts';
import type {
  NewWebhookRequest,
  WebhookPatch,
  WebhookView,
} from '../../model/api/administration/webhooks.ts';
import { retryOnConflict } from '../../store/retry.ts';
import type { Store, Versioned } from '../../store/store.ts';
import type { Receivers } from '../../webhooks/receiver.ts';
import { isSecretText, newSecret } from '../../webhooks/signature.ts';
import { happening } from './events.ts';
import { mostWebhooks } from './policy.ts';
import { ownerOf, type Sealing } from './secrets.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Posts are signed with the secret before as well for so long. */
const oldSecretMs = 24 * 3_600_000;

export interface WebhookServices {
  readonly store: Store;
  readonly clock: Clock;
  readonly subscriptions: Subscriptions;
  readonly receivers: Pick<Receivers, 'refuseLiteral'>;
  readonly secrets: Sealing;
}

/** A webhook whose secret is shown this once. */
export interface Disclosed {
  readonly webhook: Webhook;
  readonly secret: string;
}

/** Errors: AppError `webhook.unknown`. */
export async function loadWebhook(
  { store }: WebhookServices,
  name: string,
): Promise<Versioned<Webhook>> {
  const found = await store.webhooks.get(name);
  if (found !== undefined) return found;
  throw new AppError('webhook.unknown', `there is no webhook ${name}`, { details: { name } });
}

/** A webhook as operators see it: without its secrets. */
export function shownWebhook(webhook: Webhook): WebhookView {
  const { name, url, events, enabled, created_at, failing, overflowed_at, lost = null } = webhook;
  return { name, url, events, enabled, created_at, failing, overflowed_at, lost };
}

/** Errors: AppError `webhook.exists`, `webhook.limit`, `webhook.address`, `request.invalid`. */
export async function createWebhook(
  s: WebhookServices,
  request: NewWebhookRequest,
): Promise<Disclosed> {
  const { name, url, events = null, secret = newSecret() } = request;
  refuseUrl(s, url);
  if (!isSecretText(secret)) {
    throw refusal('secret', 'must be "whsec_" and 24 to 64 bytes in base64');
  }
  let count = 0;
  for await (const { value } of s.store.webhooks.all()) count += value.name === name ? 0 : 1;
  if (count >= mostWebhooks) {
    throw new AppError(
      'webhook.limit',
      `there are ${mostWebhooks} webhooks, and no more are possible: delete one first`,
    );
  }
  const webhook: Webhook = {
    name,
    url,
    events,
    enabled: true,
    secret: s.secrets.keep(secret, ownerOf(name)),
    old_secret: null,
    created_at: s.clock.now().toISOString(),
    failing: null,
    overflowed_at: null,
  };
  try {
    await s.store.webhooks.put(webhook, 'absent');
  } catch (err) {
    if (!isAppError(err, 'store.conflict')) throw err;
    throw new AppError(
      'webhook.exists',
      `a webhook named ${name} exists already: change it, or choose another name`,
    );
  }
  return { webhook, secret };
}

/** Errors: AppError `webhook.unknown`, `webhook.address`, `request.invalid`. */
export async function patchWebhook(
  s: WebhookServices,
  name: string,
  patch: WebhookPatch,
): Promise<Webhook> {
  if (patch.url !== undefined) refuseUrl(s, patch.url);
  return changed(s, name, (old) => ({ ...old, ...patch }));
}

/** Gives a webhook a new secret; the old one stays valid for a day. Errors: AppError `webhook.unknown`. */
export async function rotateSecret(s: WebhookServices, name: string): Promise<Disclosed> {
  const secret = newSecret();
  const until = new Date(s.clock.now().getTime() + oldSecretMs).toISOString();
  const webhook = await changed(s, name, (old) => ({
    ...old,
    secret: s.secrets.keep(secret, ownerOf(name)),
    old_secret: { secret: old.secret, until },
  }));
  return { webhook, secret };
}

/** Deletes a webhook with what waits for it. Errors: AppError `webhook.unknown`. */
export async function deleteWebhook(s: WebhookServices, name: string): Promise<void> {
  await loadWebhook(s, name);
  await s.store.webhooks.delete(name);
  for await (const { value } of s.store.deliveries.all(deliveryPrefix.all(name))) {
    await s.store.deliveries.delete(deliveryName(value));
  }
}

/** Queues an event that says nothing, and returns its id. Errors: AppError `webhook.unknown`. */
export async function testWebhook(s: WebhookServices, name: string): Promise<string> {
  await loadWebhook(s, name);
  const delivery = s.subscriptions.deliveryTo(name, happening('webhook.test', {}));
  await s.store.deliveries.put(delivery, 'absent');
  return delivery.id;
}

/** Queues one event that was given up, or all of them, behind what waits. Returns how many.
 *  Errors: AppError `webhook.unknown`, `delivery.unknown`. */
export async function redeliver(
  s: WebhookServices,
  name: string,
  id: string | undefined,
): Promise<number> {
  await loadWebhook(s, name);
  const failed: Delivery[] = [];
  const prefix = deliveryPrefix.failed(name) + (id ?? '');
  for await (const { value } of s.store.deliveries.all(prefix)) failed.push(value);
  if (id !== undefined && failed.length === 0) {
    throw new AppError('delivery.unknown', `no event ${id} was given up for the webhook ${name}`, {
      details: { id },
    });
  }
  for (const delivery of failed) {
    await s.store.deliveries.put({ ...delivery, tries: 0, order: null, failed_at: null });
    await s.store.deliveries.delete(deliveryName(delivery));
  }
  return failed.length;
}

async function changed(
  s: WebhookServices,
  name: string,
  change: (old: Webhook) => Webhook,
): Promise<Webhook> {
  return retryOnConflict(async () => {
    const { value, revision } = await loadWebhook(s, name);
    const webhook = change(value);
    await s.store.webhooks.put(webhook, { revision });
    return webhook;
  });
}

/** Errors: AppError `request.invalid`, `webhook.address`. */
function refuseUrl({ receivers }: WebhookServices, text: string): void {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw refusal('url', 'must be an http:// or https:// address');
  }
  if (url.username !== '' || url.password !== '') {
    throw refusal('url', 'must have no user and no password: posts are signed instead');
  }
  if (url.hash !== '') throw refusal('url', 'must have no fragment (#…)');
  receivers.refuseLiteral(text);
}

function refusal(path: string, why: string): AppError {
  return new AppError('request.invalid', `body: ${path} ${why}`, {
    details: { path, part: 'body' },
  });
}
