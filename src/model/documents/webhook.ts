// A webhook and what is on its way to it, as the store keeps them. The secret stands here and in no answer but the
// one that shows it once.
import { Type, type Static } from 'typebox';
import { nullable, Timestamp } from '../fields.ts';

export const Webhook = Type.Object({
  name: Type.String(),
  url: Type.String(),
  /** null: all. */
  events: nullable(Type.Array(Type.String())),
  enabled: Type.Boolean(),
  /** Encrypted where the server has a key. */
  secret: Type.String(),
  /** The one before, with which posts are signed as well until then. */
  old_secret: nullable(Type.Object({ secret: Type.String(), until: Timestamp })),
  created_at: Timestamp,
  /** Since when no post has arrived, and why the last one did not. */
  failing: nullable(Type.Object({ since: Timestamp, error: Type.String() })),
  /** Since when no more is queued, because too much waits. */
  overflowed_at: nullable(Timestamp),
  /** Since when a `reset` has to be queued for what was not; left out: none has. */
  reset_due: Type.Optional(nullable(Timestamp)),
  /** Events that could not be written down, and when that was last so; left out: none. */
  lost: Type.Optional(nullable(Type.Object({ count: Type.Integer(), at: Timestamp }))),
});
export type Webhook = Static<typeof Webhook>;

/** An event as it is posted. */
export const PostedEvent = Type.Object({
  type: Type.String({ description: 'machine.changed, workflow.changed, …' }),
  timestamp: Timestamp,
  data: Type.Record(Type.String(), Type.Unknown(), {
    description: 'as in the event stream: what changed, to be read again',
  }),
});
export type PostedEvent = Static<typeof PostedEvent>;

/** One event on its way to one webhook. Those of one lane arrive in the order in which they were written. */
export const Delivery = Type.Object({
  id: Type.String({ description: 'a UUIDv7, the same in every try' }),
  webhook: Type.String(),
  /** The machine that it is about, or "-". */
  lane: Type.String(),
  event: PostedEvent,
  tries: Type.Integer(),
  /** The revision that put it in its place, once a later one has replaced that. */
  order: nullable(Type.Integer()),
  error: nullable(Type.String({ description: 'why the last try failed' })),
  /** When it was given up. */
  failed_at: nullable(Timestamp),
});
export type Delivery = Static<typeof Delivery>;

/** The lane of events that are about no machine. */
export const noMachine = '-';

/** The beginnings of the names of a webhook's deliveries: all, those that wait, those of a lane, those given up. A
 *  webhook's name has no dot in it. */
export const deliveryPrefix = {
  all: (webhook: string) => `${webhook}.`,
  waiting: (webhook: string) => `${webhook}.w.`,
  lane: (webhook: string, lane: string) => `${webhook}.w.${lane}.`,
  failed: (webhook: string) => `${webhook}.f.`,
} as const;

export function deliveryName({ webhook, lane, id, failed_at }: Delivery): string {
  const prefix =
    failed_at === null ? deliveryPrefix.lane(webhook, lane) : deliveryPrefix.failed(webhook);
  return prefix + id;
}

/** The parts of a delivery's name. `lane` is undefined for one that was given up. */
export function readDeliveryName(name: string): { webhook: string; lane: string | undefined } {
  const [webhook = '', kind, lane] = name.split('.');
  return { webhook, lane: kind === 'w' ? lane : undefined };
}

/** The server that does a work which only one of a store may do. */
export const Lease = Type.Object({
  work: Type.String(),
  server: Type.String({ description: 'one run of a server' }),
  /** Grows with each renewal. */
  count: Type.Integer(),
});
export type Lease = Static<typeof Lease>;
