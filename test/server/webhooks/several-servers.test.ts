// Webhooks of several servers on one store.
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock, systemClock, type Clock } from '../../../src/core/clock.ts';
import { openStore } from '../../../src/store/open.ts';
import { EtcdCluster, etcdProgram } from '../../store/etcd/etcd-server.ts';
import { TestReceiver } from '../../webhooks/receiver.ts';
import { rebootTemplate, startServer, wrapStore, type TestServer } from '../harness.ts';
import { loopback, register, put, machine, keysOf, passUntil } from './hooked.ts';

describe('several servers of one store', () => {
  /** Two servers, the first of which holds the lease. */
  async function pair() {
    const clock = new ManualClock(new Date());
    const store = await openStore('memory:');
    let isCut = false;
    const cut = wrapStore(store, (_, operation) => async (...args) => {
      if (isCut) throw new Error('the store is down');
      return operation(...args);
    });
    const options = { clock, webhooks: loopback, random: () => 0.5 };
    const one = await startServer({ ...options, store: cut });
    const receiver = await TestReceiver.start();
    const { body } = await register(one, receiver);
    expect(body.secret).toBeDefined();
    const holder = async (): Promise<string | undefined> =>
      (await store.leases.get('webhooks'))?.value.server;
    await expect.poll(holder).toBeDefined();
    const two = await startServer({ ...options, store });
    const cutOff = (): void => {
      isCut = true;
    };
    /** Lets time pass until another server holds the lease. Returns how much has passed. */
    const takeOver = async (): Promise<number> => {
      const [before, startedMs] = [await holder(), clock.elapsedMs()];
      while (clock.elapsedMs() - startedMs < 60_000) {
        await clock.advance(500);
        const now = await holder();
        if (now !== undefined && now !== before) break;
      }
      return clock.elapsedMs() - startedMs;
    };
    return { clock, one, two, receiver, cutOff, takeOver };
  }

  it('post each event once', async () => {
    const { clock, one, two, receiver } = await pair();
    for (let n = 0; n < 10; n += 1) {
      await put(n % 2 === 0 ? one : two, `k-${n}`);
      await expect.poll(() => keysOf(receiver.posts)).toContain(`k-${n}`);
      await expect.poll(async () => (await two.store.deliveries.list()).items).toEqual([]);
      await clock.advance(2000);
    }
    await clock.advance(60_000);
    const ids = receiver.posts.map(({ headers }) => headers['webhook-id']);
    expect(new Set(ids).size).toBe(ids.length);
    expect(keysOf(receiver.posts).map(String).toSorted()).toEqual(
      Array.from({ length: 10 }, (_, n) => `k-${n}`).toSorted(),
    );
  });

  it('go on where one of them was that lost the store', async () => {
    const { two, receiver, cutOff, takeOver } = await pair();
    await put(two, 'a');
    await expect.poll(() => keysOf(receiver.posts)).toEqual(['a']);
    await expect.poll(async () => (await two.store.deliveries.list()).items).toEqual([]);
    cutOff();
    await put(two, 'b');
    // Not before the other one must have noticed that it has lost the lease.
    const ms = await takeOver();
    expect(ms).toBeGreaterThan(11_000);
    expect(ms).toBeLessThanOrEqual(20_000);
    await expect.poll(() => keysOf(receiver.posts)).toEqual(['a', 'b']);
  });

  it('go on at once where one of them ends', async () => {
    const { one, two, receiver, takeOver } = await pair();
    await one.app.close();
    await put(two, 'a');
    expect(await takeOver()).toBeLessThanOrEqual(2500);
    await expect.poll(() => keysOf(receiver.posts)).toEqual(['a']);
  });

  it('tell the liveness of a machine once', async () => {
    const { clock, one, two, receiver, cutOff, takeOver } = await pair();
    await clock.advance(4000);
    await machine(one, 1);
    // A post that takes long by this clock is sent again, with the same id.
    const told = (): Map<unknown, unknown> =>
      new Map(
        receiver.posts
          .filter(({ event }) => event.type === 'machine.liveness')
          .map(({ headers, event }) => [headers['webhook-id'], event.data['liveness']]),
      );
    await passUntil(clock, 2000, () => told().size >= 3);
    await clock.advance(60_000);
    expect([...told().values()]).toEqual(['online', 'late', 'gone']);
    expect((await two.call('GET', '/api/machines')).body.machines).toHaveLength(1);
    // Nobody has the turn when it is back.
    cutOff();
    await machine(two, 1);
    await takeOver();
    await expect.poll(() => [...told().values()]).toEqual(['online', 'late', 'gone', 'online']);
  });
});

describe.skipIf(etcdProgram === undefined)('two servers on one etcd (needs etcd)', () => {
  it('post each event once, those of a machine in their order', async () => {
    const etcd = await EtcdCluster.start(1, ['--unsafe-no-fsync']);
    onTestFinished(() => etcd.stop());
    const start = async (clock: Clock): Promise<TestServer> =>
      startServer({ store: await openStore(etcd.url), webhooks: loopback, clock });
    // An hour apart: what a clock says is no order.
    const behind: Clock = {
      ...systemClock,
      now: () => new Date(systemClock.now().getTime() - 3_600_000),
    };
    const [one, two] = [await start(systemClock), await start(behind)];
    const receiver = await TestReceiver.start();
    await register(one, receiver, { events: ['workflow.changed'] });
    const id = await machine(one, 1);
    await one.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    // The other server has heard of the webhook once one of its changes arrives.
    const turn = async (server: TestServer, other: TestServer): Promise<string> => {
      const body = { machine_id: id, template: 'restart' };
      const { body: made } = await server.call('POST', '/api/workflows', { body });
      await other.call('POST', `/api/workflows/${made.metadata.name}/cancel`);
      return made.metadata.name;
    };
    await expect
      .poll(async () => {
        await turn(two, two);
        return receiver.posts.length;
      })
      .toBeGreaterThan(0);
    const names = new Set<string>();
    for (let n = 0; n < 10; n += 1) {
      names.add(await turn(one, two));
      names.add(await turn(two, one));
    }
    const told = (): string[] =>
      receiver.posts
        .filter(({ event }) => names.has(String(event.data['workflow_id'])))
        .map(({ event }) => `${String(event.data['workflow_id'])} ${String(event.data['state'])}`);
    await expect.poll(() => told().length, { timeout: 20_000 }).toBe(40);
    expect(told()).toEqual(
      [...names].flatMap((name) => [`${name} STATE_PENDING`, `${name} STATE_FAILED`]),
    );
  }, 60_000);
});
