// Webhook routes: registered URLs that get events as signed posts. Secrets are shown once.
import { Type } from 'typebox';
import {
  DeliveryList,
  DeliveryQuery,
  DeliveryQueued,
  NewWebhookRequest,
  Redelivered,
  RedeliverRequest,
  WebhookCreated,
  WebhookList,
  WebhookName,
  WebhookPatch,
  WebhookSecret,
  WebhookView,
} from '../../../model/api/administration/webhooks.ts';
import { deliveryPrefix } from '../../../model/documents/webhook.ts';
import type { App, Services } from '../../services.ts';
import {
  createWebhook,
  deleteWebhook,
  loadWebhook,
  patchWebhook,
  redeliver,
  rotateSecret,
  shownWebhook,
  testWebhook,
} from '../../webhooks/operations.ts';
import { damagedOf, Done, errors } from '../route.ts';

const tags = ['webhooks'];
const NameParams = Type.Object({ name: WebhookName });

export function webhookRoutes(app: App, { store, clock, webhooks, secrets }: Services): void {
  const { subscriptions, receivers } = webhooks;
  const s = { store, clock, subscriptions, receivers, secrets };
  const config = { access: 'full' } as const;

  app.get(
    '/api/webhooks',
    {
      config,
      schema: {
        tags,
        summary: 'List webhooks, without their secrets',
        response: { 200: WebhookList, ...errors },
      },
    },
    async () => {
      const page = await store.webhooks.list({ limit: 1000 });
      return { webhooks: page.items.map(({ value }) => shownWebhook(value)), ...damagedOf(page) };
    },
  );

  app.post(
    '/api/webhooks',
    {
      config,
      schema: {
        tags,
        summary: 'Register a webhook; only this answer shows its secret',
        body: NewWebhookRequest,
        response: { 201: WebhookCreated, ...errors },
      },
    },
    async (request, reply) => {
      const { webhook, secret } = await createWebhook(s, request.body);
      await webhooks.reload();
      void reply.header('location', `/api/webhooks/${webhook.name}`);
      return reply.code(201).send({ ...shownWebhook(webhook), secret });
    },
  );

  app.get(
    '/api/webhooks/:name',
    {
      config,
      schema: {
        tags,
        summary: 'Get a webhook, without its secret',
        params: NameParams,
        response: { 200: WebhookView, ...errors },
      },
    },
    async (request) => shownWebhook((await loadWebhook(s, request.params.name)).value),
  );

  app.patch(
    '/api/webhooks/:name',
    {
      config,
      schema: {
        tags,
        summary: 'Change the address or the events of a webhook, or disable it',
        params: NameParams,
        body: WebhookPatch,
        response: { 200: WebhookView, ...errors },
      },
    },
    async (request) => {
      const webhook = await patchWebhook(s, request.params.name, request.body);
      await webhooks.reload();
      return shownWebhook(webhook);
    },
  );

  app.delete(
    '/api/webhooks/:name',
    {
      config,
      schema: {
        tags,
        summary: 'Delete a webhook with all that waits for it',
        params: NameParams,
        response: { 204: Done, ...errors },
      },
    },
    async (request, reply) => {
      await deleteWebhook(s, request.params.name);
      await webhooks.reload();
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/api/webhooks/:name/rotate',
    {
      config,
      schema: {
        tags,
        summary:
          'Make a new secret, which only this answer shows; the old one stays valid for a day',
        params: NameParams,
        response: { 200: WebhookSecret, ...errors },
      },
    },
    async (request) => {
      const { webhook, secret } = await rotateSecret(s, request.params.name);
      return { name: webhook.name, secret };
    },
  );

  app.post(
    '/api/webhooks/:name/test',
    {
      config,
      schema: {
        tags,
        summary: 'Post an event of type webhook.test',
        params: NameParams,
        response: { 202: DeliveryQueued, ...errors },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const id = await testWebhook(s, name);
      webhooks.courier.resume(name);
      return reply.code(202).send({ id });
    },
  );

  app.get(
    '/api/webhooks/:name/deliveries',
    {
      config,
      schema: {
        tags,
        summary: 'List the events that were given up, or those that wait',
        params: NameParams,
        querystring: DeliveryQuery,
        response: { 200: DeliveryList, ...errors },
      },
    },
    async (request) => {
      const { name } = request.params;
      const { state = 'failed', ...paging } = request.query;
      await loadWebhook(s, name);
      const page = await store.deliveries.list({ prefix: deliveryPrefix[state](name), ...paging });
      return {
        deliveries: page.items.map(({ value: { id, event, tries, error, failed_at } }) => ({
          id,
          event,
          tries,
          error,
          failed_at,
        })),
        ...damagedOf(page),
        next_cursor: page.nextCursor ?? null,
      };
    },
  );

  app.post(
    '/api/webhooks/:name/redeliver',
    {
      config,
      schema: {
        tags,
        summary: 'Send again what was given up: one event, or all',
        params: NameParams,
        body: RedeliverRequest,
        response: { 200: Redelivered, ...errors },
      },
    },
    async (request) => {
      const { name } = request.params;
      const redelivered = await redeliver(s, name, request.body.id);
      webhooks.courier.resume(name);
      return { redelivered };
    },
  );
}
