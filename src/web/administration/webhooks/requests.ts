// The API operations on webhooks. Each of them throws ApiError.
import type {
  DeliveryList,
  NewWebhookRequest,
  WebhookCreated,
  WebhookList,
  WebhookPatch,
  WebhookSecret,
  WebhookView,
} from '../../../model/api/administration/webhooks.ts';
import type { Session } from '../../session.ts';

export type DeliveryState = 'waiting' | 'failed';

const path = (name: string): string => `/api/webhooks/${encodeURIComponent(name)}`;

export async function readWebhooks(session: Session): Promise<WebhookList> {
  return (await session.request<WebhookList>('/api/webhooks')).body;
}

export async function createWebhook(
  session: Session,
  webhook: NewWebhookRequest,
): Promise<WebhookCreated> {
  const options = { method: 'POST', body: webhook } as const;
  return (await session.request<WebhookCreated>('/api/webhooks', options)).body;
}

export async function patchWebhook(
  session: Session,
  name: string,
  patch: WebhookPatch,
): Promise<void> {
  await session.request<WebhookView>(path(name), { method: 'PATCH', body: patch });
}

export async function deleteWebhook(session: Session, name: string): Promise<void> {
  await session.request(path(name), { method: 'DELETE' });
}

/** Makes a new secret; the old one stays valid for a day. */
export async function rotateSecret(session: Session, name: string): Promise<WebhookSecret> {
  return (await session.request<WebhookSecret>(`${path(name)}/rotate`, { method: 'POST' })).body;
}

/** Has an event posted that says nothing. */
export async function testWebhook(session: Session, name: string): Promise<void> {
  await session.request(`${path(name)}/test`, { method: 'POST' });
}

/** The first hundred events that wait, or that were given up. */
export async function readDeliveries(
  session: Session,
  name: string,
  state: DeliveryState,
): Promise<DeliveryList> {
  return (await session.request<DeliveryList>(`${path(name)}/deliveries?state=${state}`)).body;
}

/** Sends again what was given up: one event, or all. */
export async function redeliver(
  session: Session,
  name: string,
  id: string | undefined,
): Promise<void> {
  const body = id === undefined ? {} : { id };
  await session.request(`${path(name)}/redeliver`, { method: 'POST', body });
}
