// Metrics of webhooks: posts by outcome, and what waits or was given up, told by the server that posts.
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Courier, CourierServices } from './courier.ts';

/** Counts the posts of this server. */
export function countPosts(registry: Registry): CourierServices['onPost'] {
  const posts = new Counter({
    name: 'dragonfly_webhook_posts_total',
    help: 'Posts to webhooks, by whether they arrived',
    labelNames: ['webhook', 'outcome'],
    registers: [registry],
  });
  return (webhook, outcome) => posts.inc({ webhook, outcome });
}

/** Counts the events that this server could not write down. */
export function countLost(registry: Registry): (webhook: string, count: number) => void {
  const lost = new Counter({
    name: 'dragonfly_webhook_events_lost_total',
    help: 'Events for webhooks that could not be written down, in whose place a reset comes',
    labelNames: ['webhook'],
    registers: [registry],
  });
  return (webhook, count) => lost.inc({ webhook }, count);
}

export function measureWebhooks(registry: Registry, { queues }: Pick<Courier, 'queues'>): void {
  const events = new Gauge({
    name: 'dragonfly_webhook_events',
    help: 'Events for webhooks by state: waiting, or failed, which is given up',
    labelNames: ['webhook', 'state'],
    registers: [registry],
    collect() {
      events.reset();
      for (const [webhook, { waiting, failed }] of queues) {
        events.set({ webhook, state: 'waiting' }, waiting.size);
        events.set({ webhook, state: 'failed' }, failed.size);
      }
    },
  });
}
