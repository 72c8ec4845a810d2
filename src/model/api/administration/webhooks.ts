// Requests and answers about webhooks, between operators (the page, scripts) and the server.
import { Type, type Static } from 'typebox';
import { PostedEvent } from '../../documents/webhook.ts';
import { nullable, Timestamp } from '../../fields.ts';
import { damaged } from './damaged.ts';
import { webhookEvents } from '../events.ts';
import { Paging, strict } from '../request.ts';

export const WebhookName = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' });

const url = Type.String({ format: 'uri', maxLength: 2048, description: 'http:// or https://' });
const events = Type.Array(Type.Enum([...webhookEvents]), {
  minItems: 1,
  maxItems: webhookEvents.length,
  description: 'those that it gets; null: all',
});
const enabled = Type.Boolean({ description: 'false: what happens meanwhile is not sent later' });

export const NewWebhookRequest = Type.Object(
  {
    name: WebhookName,
    url,
    events: Type.Optional(nullable(events)),
    secret: Type.Optional(
      Type.String({
        maxLength: 128,
        description: '"whsec_" and 24 to 64 bytes in base64; without it the server makes one',
      }),
    ),
  },
  strict,
);
export type NewWebhookRequest = Static<typeof NewWebhookRequest>;

export const WebhookPatch = Type.Object(
  {
    url: Type.Optional(url),
    events: Type.Optional(nullable(events)),
    enabled: Type.Optional(enabled),
  },
  strict,
);
export type WebhookPatch = Static<typeof WebhookPatch>;

const view = {
  name: Type.String(),
  url: Type.String(),
  events: nullable(Type.Array(Type.String())),
  enabled: Type.Boolean(),
  created_at: Timestamp,
  failing: nullable(
    Type.Object(
      { since: Timestamp, error: Type.String() },
      { description: 'since when no post has arrived, and why the last one did not' },
    ),
  ),
  overflowed_at: nullable(
    Type.String({
      format: 'date-time',
      description: 'since when no more is queued, because too much waits',
    }),
  ),
  lost: nullable(
    Type.Object(
      { count: Type.Integer(), at: Timestamp },
      {
        description:
          'events that could not be written down while the store took nothing, and when the last one was; a reset came in their place',
      },
    ),
  ),
};
export const WebhookView = Type.Object(view);
export type WebhookView = Static<typeof WebhookView>;

export const WebhookSecret = Type.Object({
  name: Type.String(),
  secret: Type.String({ description: 'shown only this once' }),
});
export type WebhookSecret = Static<typeof WebhookSecret>;

export const WebhookCreated = Type.Object({ ...view, ...WebhookSecret.properties });
export type WebhookCreated = Static<typeof WebhookCreated>;

export const WebhookList = Type.Object({ webhooks: Type.Array(WebhookView), damaged });
export type WebhookList = Static<typeof WebhookList>;

export const DeliveryQuery = Type.Object(
  {
    state: Type.Optional(
      Type.Enum(['waiting', 'failed'], {
        default: 'failed',
        description: 'waiting: on its way; failed: given up, to be sent again by hand',
      }),
    ),
    ...Paging,
  },
  strict,
);

export const DeliveryView = Type.Object({
  id: Type.String({ description: 'the webhook-id of its posts' }),
  event: PostedEvent,
  tries: Type.Integer(),
  error: nullable(Type.String({ description: 'why the last try failed' })),
  failed_at: nullable(Timestamp),
});
export type DeliveryView = Static<typeof DeliveryView>;

export const DeliveryList = Type.Object({
  deliveries: Type.Array(DeliveryView),
  damaged,
  next_cursor: nullable(Type.String()),
});
export type DeliveryList = Static<typeof DeliveryList>;

export const DeliveryQueued = Type.Object({ id: Type.String() });
export type DeliveryQueued = Static<typeof DeliveryQueued>;

export const RedeliverRequest = Type.Object(
  {
    id: Type.Optional(
      Type.String({ format: 'uuid', description: 'one event; without it all that were given up' }),
    ),
  },
  strict,
);

export const Redelivered = Type.Object({ redelivered: Type.Integer() });
export type Redelivered = Static<typeof Redelivered>;
