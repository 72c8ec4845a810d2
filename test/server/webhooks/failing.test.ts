// Receivers that fail, and what waits for them.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { openStore } from '../../../src/store/open.ts';
import { answerWith } from '../../webhooks/receiver.ts';
import { wrapStore } from '../harness.ts';
import { loopback, eager, hooked, put, machine, keysOf, failing, passUntil } from './hooked.ts';

describe('a receiver that fails', () => {
  it('is tried again with growing pauses, then given up; what was given up is shown and sent again', async () => {
    const clock = new ManualClock(new Date());
    const policy = {
      retry: { baseMs: 10_000, capMs: 60_000 },
      pause: { baseMs: 10_000, capMs: 60_000 },
      tries: 4,
    };
    const { server, receiver } = await hooked({ clock, webhooks: { ...loopback, policy } });
    receiver.answer = answerWith(503);
    await put(server, 'a');
    const waiting = async (): Promise<{ tries: number }[]> =>
      (await server.call('GET', '/api/webhooks/inventory/deliveries?state=waiting')).body
        .deliveries;
    // Half of 10 s, then twice as long each time.
    for (const [n, waitMs] of [5000, 10_000, 20_000].entries()) {
      await expect.poll(async () => (await waiting()).map(({ tries }) => tries)).toEqual([n + 1]);
      expect(await failing(server)).toBe('the receiver answered 503');
      await clock.advance(waitMs - 1);
      await waiting();
      expect(receiver.posts).toHaveLength(n + 1);
      await clock.advance(1);
    }
    const list = async (): Promise<unknown[]> =>
      (await server.call('GET', '/api/webhooks/inventory/deliveries')).body.deliveries;
    await expect.poll(async () => (await list()).length).toBe(1);
    expect(await list()).toMatchObject([
      { event: { type: 'setting.changed' }, tries: 4, error: 'the receiver answered 503' },
    ]);
    const metrics = async (): Promise<string> => (await server.call('GET', '/metrics')).body;
    expect(await metrics()).toMatch(/webhook_events\{webhook="inventory",state="failed"\} 1/);
    expect(await metrics()).toMatch(/posts_total\{webhook="inventory",outcome="failed"\} 4/);
    const [id] = new Set(receiver.posts.map(({ headers }) => headers['webhook-id']));
    receiver.answer = answerWith(200);
    const again = await server.call('POST', '/api/webhooks/inventory/redeliver', { body: { id } });
    expect(again.body).toEqual({ redelivered: 1 });
    await expect.poll(() => receiver.posts.length).toBe(5);
    expect(receiver.posts.at(-1)?.headers['webhook-id']).toBe(id);
    await expect.poll(list).toEqual([]);
    await expect.poll(() => failing(server)).toBeUndefined();
    const none = await server.call('POST', '/api/webhooks/inventory/redeliver', { body: { id } });
    expect(none).toMatchObject({ status: 404, body: { code: 'delivery.unknown' } });
  });

  it('is asked by one post at a time whether it is back', async () => {
    const clock = new ManualClock(new Date());
    const { server, receiver } = await hooked({ clock });
    const dead = receiver.port;
    await receiver.stop();
    for (let n = 1; n <= 20; n += 1) await machine(server, n);
    await expect.poll(() => failing(server)).toContain('ECONNREFUSED');
    await receiver.listen(dead);
    const times: number[] = [];
    receiver.answer = (response) => {
      times.push(clock.elapsedMs());
      response.writeHead(500).end();
    };
    await passUntil(clock, 1000, () => times.length >= 5);
    expect(new Set(times).size).toBe(times.length);
    receiver.answer = answerWith(200);
    await passUntil(clock, 5000, () => new Set(receiver.types()).has('machine.liveness'));
  });

  it('is left alone as long as it asks', async () => {
    const clock = new ManualClock(new Date());
    const { server, receiver } = await hooked({ clock });
    receiver.answer = answerWith(429, { 'retry-after': '600' });
    await put(server, 'a');
    await expect.poll(() => failing(server)).toBe('the receiver answered 429');
    receiver.answer = answerWith(200);
    await clock.advance(599_000);
    expect(receiver.posts).toHaveLength(1);
    await passUntil(clock, 1000, () => receiver.posts.length === 2);
    expect(clock.elapsedMs()).toBeGreaterThanOrEqual(600_000);
  });

  it('that says it is gone is disabled, until somebody enables it', async () => {
    const { server, receiver } = await hooked({ webhooks: { ...loopback, policy: eager } });
    receiver.answer = answerWith(410);
    await put(server, 'a');
    const isEnabled = async (): Promise<unknown> =>
      (await server.call('GET', '/api/webhooks/inventory')).body.enabled;
    await expect.poll(isEnabled).toBe(false);
    await put(server, 'b');
    receiver.answer = answerWith(200);
    await server.call('PATCH', '/api/webhooks/inventory', { body: { enabled: true } });
    await put(server, 'c');
    await expect.poll(() => keysOf(receiver.posts)).toEqual(['a', 'a', 'c']);
  });

  it('and has many events of one machine gets them in order, which are read once and not for each', async () => {
    const store = await openStore('memory:');
    let reads = 0;
    const counted = wrapStore(store, (name, operation) => (...args) => {
      if (name === 'deliveries.snapshot') reads += 1;
      return operation(...args);
    });
    const { server, receiver } = await hooked(
      { store: counted, webhooks: { ...loopback, policy: { ...eager, tries: 100_000 } } },
      { events: ['setting.changed'] },
    );
    receiver.answer = answerWith(500);
    const keys = Array.from({ length: 150 }, (_, n) => `k-${n}`);
    for (const key of keys) await put(server, key);
    receiver.posts.length = 0;
    receiver.answer = answerWith(200);
    const arrived = (): number => new Set(keysOf(receiver.posts)).size;
    await expect.poll(arrived, { timeout: 20_000 }).toBe(keys.length);
    expect([...new Set(keysOf(receiver.posts))]).toEqual(keys);
    expect(reads).toBeLessThan(keys.length / 10);
  });

  it('for too long gets one reset in place of what it missed', async () => {
    const { server, receiver } = await hooked(
      { webhooks: { ...loopback, policy: { ...eager, tries: 10_000, waiting: 5 } } },
      { events: ['setting.changed'] },
    );
    receiver.answer = answerWith(500);
    const overflowed = async (): Promise<unknown> =>
      (await server.call('GET', '/api/webhooks/inventory')).body.overflowed_at;
    for (let n = 0; (await overflowed()) === null; n += 1) await put(server, `early-${n}`);
    for (let n = 0; n < 5; n += 1) await put(server, `missed-${n}`);
    receiver.answer = answerWith(200);
    await expect.poll(() => receiver.types()).toContain('reset');
    await expect.poll(overflowed).toBeNull();
    await put(server, 'later');
    await expect.poll(() => keysOf(receiver.posts)).toContain('later');
    expect(keysOf(receiver.posts).filter((key) => String(key).startsWith('missed'))).toEqual([]);
  });

  it('gets one reset, however many of the last posts arrive together', async () => {
    const [waiting, atOnce] = [40, 4];
    const { server, receiver } = await hooked(
      { webhooks: { ...loopback, policy: { ...eager, waiting, atOnce } } },
      { events: ['machine.registered'] },
    );
    const overflowed = async (): Promise<unknown> =>
      (await server.call('GET', '/api/webhooks/inventory')).body.overflowed_at;
    const held: (() => void)[] = [];
    let isBack = false;
    const answerTogether = (): void => {
      const isWhole = held.length === atOnce || receiver.posts.length > waiting;
      if (isBack && isWhole) for (const answer of held.splice(0)) answer();
    };
    receiver.answer = (response) => {
      held.push(() => response.writeHead(204).end());
      answerTogether();
    };
    let n = 0;
    while ((await overflowed()) === null) await machine(server, n++);
    isBack = true;
    answerTogether();
    await expect.poll(overflowed).toBeNull();
    const later = await machine(server, n);
    const machines = (): unknown[] => receiver.posts.map(({ event }) => event.data['machine_id']);
    await expect.poll(machines).toContain(later);
    expect(receiver.types().filter((type) => type === 'reset')).toHaveLength(1);
  });
});
