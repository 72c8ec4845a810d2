// Events of webhooks that come from no write, while the store takes nothing.
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import { silentLog } from '../../../src/core/log.ts';
import { SecretBox } from '../../../src/server/access/secrets.ts';
import { Events } from '../../../src/server/running/events.ts';
import { countLost } from '../../../src/server/webhooks/metrics.ts';
import { shownWebhook } from '../../../src/server/webhooks/operations.ts';
import { defaultWebhooks } from '../../../src/server/webhooks/policy.ts';
import { Untold } from '../../../src/server/webhooks/untold.ts';
import { Webhooks } from '../../../src/server/webhooks/webhooks.ts';
import { openStore } from '../../../src/store/open.ts';
import { Networks } from '../../../src/webhooks/networks.ts';
import { Receivers } from '../../../src/webhooks/receiver.ts';
import { wrapStore } from '../harness.ts';

/** Webhooks of a store that can be made to take no deliveries, with one webhook named "inventory". */
async function prepared(others = 0) {
  const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
  const store = await openStore('memory:');
  const away = { isAway: true };
  const lanes: string[] = [];
  const atOnce = { most: 0, mostOfLane: 0 };
  const cut = wrapStore(store, (name, operation) => async (...args) => {
    if (name !== 'deliveries.put') return operation(...args);
    if (away.isAway) throw new AppError('store.unavailable', 'the store is away');
    const { lane } = Object(args[0]);
    lanes.push(lane);
    atOnce.most = Math.max(atOnce.most, lanes.length);
    const ofLane = lanes.filter((one) => one === lane).length;
    atOnce.mostOfLane = Math.max(atOnce.mostOfLane, ofLane);
    try {
      return await operation(...args);
    } finally {
      lanes.splice(lanes.indexOf(lane), 1);
    }
  });
  const names = ['inventory', ...Array.from({ length: others }, (_, n) => `other-${n}`)];
  const hook = (name: string) => ({
    name,
    url: 'http://127.0.0.1:9/',
    events: null,
    enabled: true,
    secret: `whsec_${Buffer.alloc(32).toString('base64')}`,
    old_secret: null,
    created_at: clock.now().toISOString(),
    failing: null,
    overflowed_at: null,
  });
  for (const name of names) await store.webhooks.put(hook(name));
  const events = new Events('test');
  const registry = new Registry();
  let ids = 0;
  const webhooks = new Webhooks({
    store: cut,
    clock,
    log: silentLog,
    random: Math.random,
    events,
    newId: () => `01900000-0000-7000-8000-${String((ids += 1)).padStart(12, '0')}`,
    receivers: new Receivers({ clock, networks: new Networks(''), userAgent: 'test' }),
    policy: defaultWebhooks,
    secrets: new SecretBox(''),
    onPost: () => {},
    onLost: countLost(registry),
  });
  await webhooks.reload();
  onTestFinished(() => webhooks.receivers.close());
  const tell = (count: number, machine_id = 'm'): void => {
    for (let n = 0; n < count; n += 1) events.publish('machine.token', { machine_id });
  };
  const queued = async (): Promise<string[]> => {
    const types: string[] = [];
    for await (const { value } of store.deliveries.all()) types.push(value.event.type);
    return types;
  };
  return { clock, store, away, registry, tell, queued, atOnce, webhooks, events };
}

it('wait for it, and none is lost', async () => {
  const { clock, away, tell, queued } = await prepared();
  tell(3);
  await clock.advance(10_000);
  expect(await queued()).toEqual([]);
  away.isAway = false;
  await clock.advance(2000);
  await expect.poll(queued).toEqual(['machine.token', 'machine.token', 'machine.token']);
});

it('of many machines are queued together, those of one machine one after another', async () => {
  const { away, tell, queued, atOnce } = await prepared();
  away.isAway = false;
  tell(3, 'm');
  for (let n = 0; n < 200; n += 1) tell(1, `m${n}`);
  await expect.poll(async () => (await queued()).length).toBe(203);
  expect(atOnce.most).toBe(64);
  expect(atOnce.mostOfLane).toBe(1);
});

it('of many machines are queued for as many webhooks as there may be', async () => {
  const { clock, store, away, tell } = await prepared(15);
  for (let n = 0; n < 1000; n += 1) tell(1, `m${n}`);
  away.isAway = false;
  const count = async (): Promise<number> => {
    await clock.advance(2000);
    return (await store.deliveries.snapshot()).length;
  };
  await expect.poll(count, { timeout: 20_000 }).toBe(16_000);
  const webhooks = await store.webhooks.snapshot();
  expect(webhooks.filter(({ value }) => (value.lost ?? null) !== null)).toEqual([]);
});

it('that nobody told are not told to a webhook that came later', async () => {
  const { store, away, queued, webhooks, events } = await prepared();
  away.isAway = false;
  const [hook] = await store.webhooks.snapshot();
  if (hook === undefined) throw new Error('there is no webhook');
  events.publish('machine.liveness', { machine_id: 'before', liveness: 'late' });
  await store.webhooks.delete('inventory');
  await webhooks.reload();
  await store.webhooks.put(hook.value);
  await webhooks.reload();
  events.publish('machine.liveness', { machine_id: 'after', liveness: 'late' });
  const stop = new AbortController();
  const running = webhooks.run(stop.signal);
  await expect.poll(queued).toHaveLength(1);
  stop.abort();
  await running;
  expect((await store.deliveries.snapshot()).map(({ value }) => value.lane)).toEqual(['after']);
});

it('that nobody told are kept, the newest of them, until it is known whose turn it was', async () => {
  const clock = new ManualClock(new Date());
  const untold = new Untold(clock, 3);
  const add = (n: number) => untold.add({ type: 't', lane: 'm', data: {}, timestamp: String(n) });
  for (let n = 0; n < 7; n += 1) add(n);
  await clock.advance(5000);
  add(7);
  untold.othersTurn();
  const take = () => {
    const { events, dropped } = untold.take();
    return [...events.map(({ timestamp }) => Number(timestamp)), { dropped }];
  };
  expect(take()).toEqual([3, 4, 5, 6, 7, { dropped: 3 }]);
  expect(take()).toEqual([{ dropped: 0 }]);
  for (let n = 0; n < 6; n += 1) add(n);
  await clock.advance(5000);
  add(6);
  await clock.advance(6000);
  untold.othersTurn();
  expect(take()).toEqual([6, { dropped: 0 }]);
});

it('are counted where there are too many, in the webhook and in metrics, and a reset comes in their place', async () => {
  const { clock, store, away, registry, tell, queued } = await prepared();
  tell(10_007);
  expect(await registry.metrics()).toContain('events_lost_total{webhook="inventory"} 7');
  away.isAway = false;
  await clock.advance(2000);
  await expect.poll(async () => (await queued()).length, { timeout: 20_000 }).toBe(10_001);
  expect((await queued()).filter((type) => type === 'reset')).toHaveLength(1);
  const shown = async (): Promise<unknown> => {
    const found = await store.webhooks.get('inventory');
    return found && shownWebhook(found.value).lost;
  };
  await expect.poll(shown).toEqual({ count: 7, at: expect.stringContaining('2026-01-02') });
});
