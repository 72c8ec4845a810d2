// A server whose watch on the store fails, or is behind: what it answers then.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { KvChange } from '../../../src/store/kv/kv.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { openStoreOn } from '../../../src/store/open.ts';
import { checkin, rebootTemplate, startServer, watch } from '../harness.ts';

/** A store whose watch says how far behind it is, and may tell nothing. */
class LateKv extends MemoryKv {
  readonly #shared: MemoryKv;
  ageMs = 0;
  fails = false;
  tells = true;

  constructor(shared: MemoryKv) {
    super();
    this.#shared = shared;
  }

  override read(...args: Parameters<MemoryKv['read']>) {
    return this.#shared.read(...args);
  }

  override commit(...args: Parameters<MemoryKv['commit']>) {
    return this.#shared.commit(...args);
  }

  override scanAll(...args: Parameters<MemoryKv['scanAll']>) {
    return this.#shared.scanAll(...args);
  }

  watchAgeMs(): number {
    return this.ageMs;
  }

  override async watch(
    prefix: string,
    listener: (change: KvChange | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.fails) throw new AppError('store.unavailable', 'the store cannot be watched');
    if (this.tells) await this.#shared.watch(prefix, listener, signal);
  }
}

it('a watch that cannot be started is tried again until it can', async () => {
  const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
  const kv = new LateKv(new MemoryKv());
  kv.fails = true;
  const server = await startServer({ store: await openStoreOn(kv), clock });
  const events = watch(server, (heard) => heard.some(({ type }) => type === 'reset'));
  for (let n = 0; n < 3; n += 1) await clock.advance(2000);
  kv.fails = false;
  const done = events.then(() => true);
  const isDone = (): Promise<boolean> => Promise.race([done, sleep(5).then(() => false)]);
  while (!(await isDone())) await clock.advance(2000);
  const changes = watch(server, (heard) => heard.some(({ type }) => type === 'setting.changed'));
  for (let n = 0; n < 3; n += 1) {
    await server.call('PUT', '/api/settings/a', { body: { value: String(n) } });
    await sleep(20);
  }
  expect((await changes).map(({ type }) => type)).toContain('setting.changed');
});

it('heartbeats are answered from the store while changes by other servers may not have come', async () => {
  const shared = new MemoryKv();
  const deaf = new LateKv(shared);
  deaf.tells = false;
  const here = await startServer({ store: await openStoreOn(deaf), clock: systemClock });
  const there = await startServer({ store: await openStoreOn(shared) });
  const { body } = await here.call('POST', '/api/agent/checkin', { body: checkin(1) });
  const beat = async (): Promise<unknown> => {
    const machine = { machine_id: body.machine_id };
    return (await here.call('POST', '/api/agent/heartbeat', { body: machine })).body.action;
  };
  expect(await beat()).toBe('wait');
  await there.call('PUT', '/api/templates/restart', { body: rebootTemplate });
  const queued = await there.call('POST', '/api/workflows', {
    body: { machine_id: body.machine_id, template: 'restart' },
  });
  expect(queued.status).toBe(201);
  expect(await beat()).toBe('wait');
  deaf.ageMs = 6000;
  expect(await beat()).toBe('execute');
});

it('readiness and metrics tell how far behind the watch is', async () => {
  const kv = new LateKv(new MemoryKv());
  const server = await startServer({ store: await openStoreOn(kv) });
  expect((await server.call('GET', '/api/ready')).body).toEqual({
    status: 'ok',
    watch: 'current',
    watch_age_seconds: 0,
  });
  kv.ageMs = 12_000;
  expect((await server.call('GET', '/api/ready')).body).toMatchObject({
    status: 'ok',
    watch: 'behind',
  });
  const { body } = await server.call('GET', '/metrics');
  expect(body).toContain('dragonfly_store_watch_age_seconds 12');
});
