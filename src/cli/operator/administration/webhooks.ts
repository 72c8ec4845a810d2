// `dragonfly webhooks`: addresses that get events as signed posts.
import type { DeliveryView, WebhookView } from '../../../model/api/administration/webhooks.ts';
import { webhookEvents } from '../../../model/api/events.ts';
import { AppError } from '../../../core/errors.ts';
import { command } from '../../command.ts';
import { connectionOptions, withClient } from '../connection/connection.ts';
import { outputOptions, printDocument, printList, type Shape } from '../output.ts';

const webhook = { webhook: { names: 'webhooks', describe: 'its name' } } as const;
const eventsOption = {
  events: {
    type: 'string',
    value: 'LIST',
    describe: 'those that it gets, as machine.changed,workflow.changed, or all (default: all)',
  },
} as const;

const shape: Shape<WebhookView> = {
  columns: {
    NAME: ({ name }) => name,
    URL: ({ url }) => url,
    EVENTS: ({ events }) => events?.join(',') ?? 'all',
    STATE: stateOf,
  },
  wide: {
    CREATED: ({ created_at }) => created_at,
    ERROR: ({ failing }) => failing?.error ?? null,
    LOST: ({ lost }) => (lost === null ? null : `${lost.count}, the last ${lost.at}`),
  },
  name: ({ name }) => name,
};

const deliveryShape: Shape<DeliveryView> = {
  columns: {
    ID: ({ id }) => id,
    EVENT: ({ event }) => event.type,
    AT: ({ event }) => event.timestamp,
    TRIES: ({ tries }) => String(tries),
    ERROR: ({ error }) => error,
  },
  name: ({ id }) => id,
};

function stateOf({ enabled, failing, overflowed_at }: WebhookView): string {
  if (!enabled) return 'disabled';
  if (overflowed_at !== null) return 'overflowed';
  return failing === null ? 'good' : `failing since ${failing.since}`;
}

const list = command({
  name: 'webhooks list',
  describe: 'list webhooks, without their secrets',
  examples: ['webhooks list -o wide'],
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await printList(io, args, await client.webhooks.list(), shape);
      return 0;
    }),
});

const get = command({
  name: 'webhooks get',
  describe: 'print a webhook, without its secret',
  examples: ['webhooks get inventory'],
  positionals: webhook,
  options: { ...outputOptions, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await printDocument(io, args, await client.webhooks.get(args.webhook));
      return 0;
    }),
});

const create = command({
  name: 'webhooks create',
  describe: 'register a webhook and print its secret once',
  examples: ['webhooks create inventory https://hooks.example/d --events workflow.changed'],
  positionals: { ...webhook, url: { describe: 'where to post to, http:// or https://' } },
  options: { ...eventsOption, ...connectionOptions },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { webhook: name, url } = args;
      const events = args.events === undefined ? null : readEvents(args.events);
      const made = await client.webhooks.create({ name, url, events });
      io.print(`${made.secret}\n`);
      return 0;
    }),
});

const set = command({
  name: 'webhooks set',
  describe: 'change the address or the events of a webhook',
  examples: ['webhooks set inventory --events all'],
  positionals: webhook,
  options: {
    url: { type: 'string', value: 'URL', describe: 'where to post to from now on' },
    ...eventsOption,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const { url, events } = args;
      if (url === undefined && events === undefined) {
        throw new AppError('usage.invalid', 'nothing to change: give --url or --events');
      }
      await client.webhooks.patch(args.webhook, {
        ...(url === undefined ? {} : { url }),
        ...(events === undefined ? {} : { events: readEvents(events) }),
      });
      io.print(`webhook ${args.webhook} changed\n`);
      return 0;
    }),
});

const enable = switching('enable', 'post to a webhook again', true);
const disable = switching(
  'disable',
  'post nothing to a webhook; what happens meanwhile is not sent later',
  false,
);

function switching(verb: 'enable' | 'disable', describe: string, enabled: boolean) {
  return command({
    name: `webhooks ${verb}`,
    describe,
    examples: [`webhooks ${verb} inventory`],
    positionals: webhook,
    options: connectionOptions,
    run: (args, io) =>
      withClient(args, io, async (client) => {
        await client.webhooks.patch(args.webhook, { enabled });
        io.print(`webhook ${args.webhook} ${verb}d\n`);
        return 0;
      }),
  });
}

const remove = command({
  name: 'webhooks delete',
  describe: 'delete a webhook and everything that waits for it',
  examples: ['webhooks delete inventory'],
  positionals: webhook,
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      await client.webhooks.delete(args.webhook);
      io.print(`webhook ${args.webhook} deleted\n`);
      return 0;
    }),
});

const rotate = command({
  name: 'webhooks rotate',
  describe: 'make a new secret and print it once; the old one stays valid for a day',
  examples: ['webhooks rotate inventory'],
  positionals: webhook,
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      io.print(`${(await client.webhooks.rotate(args.webhook)).secret}\n`);
      return 0;
    }),
});

const test = command({
  name: 'webhooks test',
  describe: 'post an event of type webhook.test, and print its id',
  examples: ['webhooks test inventory'],
  positionals: webhook,
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      io.print(`${(await client.webhooks.test(args.webhook)).id}\n`);
      return 0;
    }),
});

const deliveries = command({
  name: 'webhooks deliveries',
  describe: 'list the events that were given up, or with --waiting those on their way',
  examples: ['webhooks deliveries inventory --waiting'],
  positionals: webhook,
  options: {
    waiting: { type: 'boolean', describe: 'those on their way' },
    ...outputOptions,
    ...connectionOptions,
  },
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const state = args.waiting ? 'waiting' : 'failed';
      const found = client.webhooks.deliveries(args.webhook, { state });
      await printList(io, args, await found.toArray(), deliveryShape);
      return 0;
    }),
});

const redeliver = command({
  name: 'webhooks redeliver',
  describe: 'send again what was given up: one event, or all',
  examples: ['webhooks redeliver inventory'],
  positionals: { ...webhook, id: { describe: 'of the event', isOptional: true } },
  options: connectionOptions,
  run: (args, io) =>
    withClient(args, io, async (client) => {
      const count = await client.webhooks.redeliver(args.webhook, args.id);
      io.print(`${count} ${count === 1 ? 'event is' : 'events are'} sent again\n`);
      return 0;
    }),
});

export const webhookCommands = [
  list,
  get,
  create,
  set,
  enable,
  disable,
  rotate,
  test,
  deliveries,
  redeliver,
  remove,
];

/** The events in a list; null for all. Errors: AppError `usage.invalid`. */
function readEvents(text: string): (typeof webhookEvents)[number][] | null {
  if (text === 'all') return null;
  return text.split(',').map((part) => {
    const event = webhookEvents.find((known) => known === part.trim());
    if (event !== undefined) return event;
    throw new AppError(
      'usage.invalid',
      `there is no event "${part.trim()}": use ${webhookEvents.join(', ')}, or all`,
    );
  });
}
