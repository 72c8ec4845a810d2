// Webhooks: addresses that get events as signed posts.
import type {
  DeliveryQueued,
  DeliveryView,
  NewWebhookRequest,
  Redelivered,
  WebhookCreated,
  WebhookPatch,
  WebhookSecret,
  WebhookView,
} from '../../model/api/administration/webhooks.ts';
import { pathOf, type CallOptions, type Calls } from '../calls.ts';
import { listing, type Listing, type ListOptions } from '../listing.ts';

const fields = ['name', 'url'];

export class WebhookCalls {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** All webhooks, without their secrets. */
  async list(options?: CallOptions): Promise<WebhookView[]> {
    return this.#calls.getList('api/webhooks', 'webhooks', options);
  }

  /** Errors: `webhook.unknown`. */
  async get(name: string, options?: CallOptions): Promise<WebhookView> {
    return this.#calls.get(pathOf`api/webhooks/${name}`, { ...options, fields });
  }

  /** Registers a webhook. Only this answer has its secret. Errors: `webhook.exists`, `webhook.limit`,
   *  `webhook.address`, `request.invalid`. */
  async create(request: NewWebhookRequest, options?: CallOptions): Promise<WebhookCreated> {
    return this.#calls.post('api/webhooks', request, { ...options, fields: ['secret'] });
  }

  /** Errors: `webhook.unknown`, `webhook.address`, `request.invalid`. */
  async patch(name: string, patch: WebhookPatch, options?: CallOptions): Promise<WebhookView> {
    const call = { ...options, body: patch, parts: [], fields };
    return (await this.#calls.call<WebhookView>('PATCH', pathOf`api/webhooks/${name}`, call)).value;
  }

  /** With all that waits for it. Errors: `webhook.unknown`. */
  async delete(name: string, options?: CallOptions): Promise<void> {
    return this.#calls.delete(pathOf`api/webhooks/${name}`, options);
  }

  /** Makes a new secret, which only this answer has. The old one holds for a day. Errors: `webhook.unknown`. */
  async rotate(name: string, options?: CallOptions): Promise<WebhookSecret> {
    const call = { ...options, fields: ['secret'] };
    return this.#calls.post(pathOf`api/webhooks/${name}/rotate`, undefined, call);
  }

  /** Sends an event of type webhook.test. Errors: `webhook.unknown`. */
  async test(name: string, options?: CallOptions): Promise<DeliveryQueued> {
    const call = { ...options, fields: ['id'] };
    return this.#calls.post(pathOf`api/webhooks/${name}/test`, undefined, call);
  }

  /** The events that were given up, or those that wait. Errors: `webhook.unknown`. */
  deliveries(
    name: string,
    filter: { readonly state?: 'waiting' | 'failed' } & ListOptions = {},
  ): Listing<DeliveryView> {
    const { state, ...options } = filter;
    return listing(
      this.#calls,
      pathOf`api/webhooks/${name}/deliveries`,
      { field: 'deliveries' },
      { state },
      options,
    );
  }

  /** Sends again what was given up: one event, or all. Returns how many.
   *  Errors: `webhook.unknown`, `delivery.unknown`. */
  async redeliver(name: string, id?: string, options?: CallOptions): Promise<number> {
    const body = id === undefined ? {} : { id };
    const path = pathOf`api/webhooks/${name}/redeliver`;
    const call = { ...options, fields: ['redelivered'] };
    return (await this.#calls.post<Redelivered>(path, body, call)).redelivered;
  }
}
