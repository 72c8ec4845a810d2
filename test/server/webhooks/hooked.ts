// A server with a webhook, and what tests of webhooks do with it.
import { expect } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import type { AppOptions, WebhookOptions } from '../../../src/server/app.ts';
import { openStore } from '../../../src/store/open.ts';
import { TestReceiver, type Post } from '../../webhooks/receiver.ts';
import { checkin, startServer, type Answer, type TestServer } from '../harness.ts';

export const loopback: WebhookOptions = { networks: '127.0.0.1' };

/** Posts are tried again at once, as often as the test needs it. */
export const eager = {
  retry: { baseMs: 0, capMs: 0 },
  pause: { baseMs: 0, capMs: 0 },
  settleMs: 0,
};

interface Hook {
  readonly server: TestServer;
  readonly receiver: TestReceiver;
  readonly secret: string;
}

/** A server with a webhook named "inventory". */
export async function hooked(
  options: Partial<AppOptions> = {},
  more: Record<string, unknown> = {},
): Promise<Hook> {
  const store = options.store ?? (await openStore('memory:'));
  const server = await startServer({ webhooks: loopback, random: () => 0.5, ...options, store });
  const receiver = await TestReceiver.start();
  const { status, body } = await register(server, receiver, more);
  expect(status).toBe(201);
  return { server, receiver, secret: body.secret };
}

export const register = (
  server: TestServer,
  receiver: TestReceiver,
  more: Record<string, unknown> = {},
): Promise<Answer> =>
  server.call('POST', '/api/webhooks', {
    body: { name: 'inventory', url: receiver.url(), ...more },
  });

export const put = (server: TestServer, key: string, value = 'x'): Promise<Answer> =>
  server.call('PUT', `/api/settings/${key}`, { body: { value } });

export async function machine(server: TestServer, n: number): Promise<string> {
  return (await server.call('POST', '/api/agent/checkin', { body: checkin(n) })).body.machine_id;
}

export const keysOf = (posts: readonly Post[]): unknown[] =>
  posts.map(({ event }) => event.data['key']);
export const failing = async (server: TestServer): Promise<unknown> =>
  (await server.call('GET', '/api/webhooks/inventory')).body.failing?.error;

/** Lets time pass, a bit at a time, until `isDone`. */
export async function passUntil(
  clock: ManualClock,
  stepMs: number,
  isDone: () => boolean,
): Promise<void> {
  await expect
    .poll(
      async () => {
        if (!isDone()) await clock.advance(stepMs);
        return isDone();
      },
      { interval: 5, timeout: 20_000 },
    )
    .toBe(true);
}
