// Several servers on one store: all say the same of a machine, a failover is no end, and of two machines that
// claim one identity, each at a server of its own, one keeps it.
import { describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock, systemClock, type Clock } from '../../../../src/core/clock.ts';
import { createToken } from '../../../../src/server/access/tokens.ts';
import { exchangeMs } from '../../../../src/server/running/liveness/other-servers.ts';
import { openStore } from '../../../../src/store/open.ts';
import type { Store } from '../../../../src/store/store.ts';
import { EtcdCluster, etcdProgram } from '../../../store/etcd/etcd-server.ts';
import { checkin, startServer, wrapStore, type Answer, type TestServer } from '../../harness.ts';

const start = new Date('2026-01-01T00:00:00Z');

/** The same passing of time, seen by a clock whose wall time is hours off. */
function off(clock: ManualClock, hours: number): Clock {
  return {
    now: () => new Date(clock.now().getTime() + hours * 3_600_000),
    elapsedMs: () => clock.elapsedMs() + 12_345,
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
}

interface Pair {
  readonly clock: ManualClock;
  readonly one: TestServer;
  readonly two: TestServer;
  readonly store: Store;
}

async function pair(hours = 0): Promise<Pair> {
  const clock = new ManualClock(start);
  const store = await openStore('memory:');
  const one = await startServer({ clock, store });
  const two = await startServer({ clock: off(clock, hours), store });
  // They find each other.
  await clock.advance(4000);
  return { clock, one, two, store };
}

const checkIn = (server: TestServer, boot_id: string, uptime_seconds = 60): Promise<Answer> =>
  server.call('POST', '/api/agent/checkin', {
    body: checkin(1, { boot_id, sequence: 1, uptime_seconds }),
  });
const beat = (server: TestServer, machine_id: string, boot_id: string): Promise<Answer> =>
  server.call('POST', '/api/agent/heartbeat', { body: { machine_id, boot_id } });
/** A heartbeat as an agent sends it: told to check in again, it does. */
async function goOn(server: TestServer, id: string, boot: string): Promise<number> {
  const { status } = await beat(server, id, boot);
  return status === 404 ? (await checkIn(server, boot, 100)).status : status;
}
const livenessAt = async (server: TestServer, id: string): Promise<unknown> =>
  (await server.call('GET', `/api/machines/${id}`)).body.liveness;

describe('two servers of one store', () => {
  it('say the same of a machine that beats at one of them, whatever their clocks show', async () => {
    for (const hours of [0, 7, -7]) {
      const { clock, one, two } = await pair(hours);
      const { machine_id: id } = (await checkIn(one, 'a')).body;
      const seen: unknown[] = [];
      for (let second = 0; second < 60; second += 2) {
        if (second % 10 === 0) await beat(one, id, 'a');
        await clock.advance(2000);
        // At first the second one has heard nothing yet.
        if (second >= 4) seen.push(await livenessAt(one, id), await livenessAt(two, id));
      }
      expect(new Set(seen)).toEqual(new Set(['online']));
      // Now it falls silent.
      const later: unknown[] = [];
      for (const seconds of [20, 90]) {
        await clock.advance(seconds * 1000);
        later.push([await livenessAt(one, id), await livenessAt(two, id)]);
      }
      expect(later).toEqual([
        ['late', 'late'],
        ['gone', 'gone'],
      ]);
    }
  });

  it('hear each other beside a third one that tells more than a page of the store holds', async () => {
    const { clock, one, two, store } = await pair();
    const { machine_id: id } = (await checkIn(one, 'a')).body;
    const word = {
      machine_id: '01900000-0000-7000-8000-000000000001',
      boot_id: 'x'.repeat(3 * 1024 * 1024),
      token_id: null,
      state: 'Discovered' as const,
      silent_ms: 0,
      held_ms: 0,
      interval_ms: 10_000,
      is_beating: true,
      is_contested: false,
      is_proven: false,
    };
    // Its name is before those of the others.
    await store.presences.put({ server: '0', count: 1, machines: [word] });
    for (let n = 0; n < 3; n += 1) {
      await clock.advance(10_000);
      await beat(one, id, 'a');
    }
    await clock.advance(4000);
    expect([await livenessAt(one, id), await livenessAt(two, id)]).toEqual(['online', 'online']);
  });

  it('publish no end of a machine that goes on at the other one', async () => {
    const { clock, one, two } = await pair();
    const { machine_id: id } = (await checkIn(one, 'a')).body;
    await beat(one, id, 'a');
    await clock.advance(10_000);
    for (let i = 0; i < 15; i += 1) {
      expect((await beat(two, id, 'a')).status).toBe(200);
      await clock.advance(10_000);
    }
    expect([await livenessAt(one, id), await livenessAt(two, id)]).toEqual(['online', 'online']);
    for (const server of [one, two]) {
      const { body } = await server.call('GET', '/metrics');
      const alive = /dragonfly_machines_alive\{liveness="online",[^}]*\} (\d)/.exec(body)?.[1];
      expect(alive).toBe(server === two ? '1' : undefined);
    }
  });

  it('refuse the same second machine', async () => {
    const { clock, one, two } = await pair();
    const { machine_id: id } = (await checkIn(one, 'a')).body;
    await clock.advance(5000);
    await beat(one, id, 'a');
    await clock.advance(3000);
    expect((await checkIn(one, 'b', 30)).status).toBe(409);
    expect((await checkIn(two, 'b', 30)).status).toBe(409);
    expect((await beat(two, id, 'b')).status).toBe(409);
    // A reboot goes on at the other one.
    await clock.advance(3000);
    expect((await checkIn(two, 'c', 3)).body).toMatchObject({ machine_id: id, is_new: false });
    expect((await beat(two, id, 'c')).status).toBe(200);
  });

  it('leave the machine to one of two clones that came at the same moment', async () => {
    const { clock, one, two } = await pair();
    const { machine_id: id } = (await checkIn(one, 'b')).body;
    expect((await checkIn(two, 'a')).body.machine_id).toBe(id);
    const answers: number[][] = [];
    for (let i = 0; i < 6; i += 1) {
      answers.push([await goOn(one, id, 'b'), await goOn(two, id, 'a')]);
      await clock.advance(10_000);
    }
    expect(answers[0]).toEqual([200, 200]);
    const last = answers.slice(-4).map((pairOf) => pairOf.join());
    expect(new Set(last).size).toBe(1);
    expect(last[0]).toMatch(/^(?:200,409|409,200)$/);
    const { body } = await one.call('GET', '/api/conflicts');
    expect(body.conflicts).toMatchObject([{ machine_id: id, reason: 'indistinguishable' }]);
  });

  it('leave it to the one that was there first', async () => {
    const { clock, one, two, store } = await pair();
    const { machine_id: id } = (await checkIn(one, 'z')).body;
    await beat(one, id, 'z');
    await clock.advance(8000);
    // A server that has just started heard nothing of it.
    const late = await startServer({ clock, store });
    expect((await checkIn(late, 'a', 100)).status).toBe(200);
    for (let i = 0; i < 4; i += 1) {
      await clock.advance(10_000);
      await goOn(one, id, 'z');
      await goOn(late, id, 'a');
    }
    expect([await goOn(one, id, 'z'), await goOn(late, id, 'a')]).toEqual([200, 409]);
    expect(await livenessAt(two, id)).toBe('online');
  });

  it('heal a last_seen that a clock ahead by hours wrote', async () => {
    const { clock, one, two, store } = await pair(5);
    const { machine_id: id } = (await checkIn(two, 'a')).body;
    await beat(two, id, 'a');
    await clock.advance(11_000);
    const written = (await store.machines.get(id))?.value.status.last_seen ?? '';
    expect(Date.parse(written)).toBeGreaterThan(start.getTime() + 4 * 3_600_000);
    await beat(one, id, 'a');
    await clock.advance(11_000);
    const healed = (await store.machines.get(id))?.value.status.last_seen ?? '';
    expect(Date.parse(healed)).toBeLessThan(start.getTime() + 3_600_000);
  });

  it('call nobody gone while the store tells nothing', async () => {
    const clock = new ManualClock(start);
    const store = await openStore('memory:');
    let isDown = false;
    const cut = wrapStore(store, (name, operation) => (...args) => {
      if (isDown && name.startsWith('presences.')) throw new Error('the store is down');
      return operation(...args);
    });
    const one = await startServer({ clock, store });
    const two = await startServer({ clock, store: cut });
    await clock.advance(4000);
    const { machine_id: id } = (await checkIn(one, 'a')).body;
    await beat(one, id, 'a');
    await clock.advance(4000);
    isDown = true;
    await clock.advance(300_000);
    expect(await livenessAt(two, id)).toBe('online');
  });

  it('forget a server that is gone, and leave nothing behind', async () => {
    const { clock, one, store } = await pair();
    const servers = async (): Promise<number> => (await store.presences.list()).items.length;
    expect(await servers()).toBe(2);
    await store.presences.put({ server: 'one that crashed', count: 1, machines: [] });
    await clock.advance(310_000);
    expect(await servers()).toBe(2);
    await one.app.close();
    expect(await servers()).toBe(1);
  });
});

describe.skipIf(etcdProgram === undefined)('two servers on one etcd (needs etcd)', () => {
  it('a clone at each: one keeps the machine', async () => {
    const etcd = await EtcdCluster.start(1, ['--unsafe-no-fsync']);
    onTestFinished(() => etcd.stop());
    const enrol = await createToken(await openStore(etcd.url), systemClock, {
      name: 'rack',
      scope: 'enrol',
      expiresAt: null,
    });
    // Time passes as fast as etcd answers.
    const clock = new ManualClock(start);
    let asked = 0;
    const counted = (store: Store): Store =>
      wrapStore(store, (_, operation) => async (...args) => {
        asked += 1;
        try {
          return await operation(...args);
        } finally {
          asked -= 1;
        }
      });
    const pass = async (seconds: number): Promise<void> => {
      for (let ms = 0; ms < seconds * 1000; ms += exchangeMs) {
        await clock.advance(exchangeMs);
        await expect.poll(() => asked, { interval: 1, timeout: 20_000 }).toBe(0);
      }
    };
    const [one, two] = await Promise.all(
      [1, 2].map(async () => startServer({ clock, store: counted(await openStore(etcd.url)) })),
    );
    if (one === undefined || two === undefined) throw new Error('no server');
    await pass(6);
    const clones = [
      { server: one, boot: 'a', token: enrol },
      { server: two, boot: 'b', token: enrol },
    ];
    type Clone = (typeof clones)[number];
    let sequence = 0;
    const enter = async (clone: Clone): Promise<Answer> => {
      const { server, boot: boot_id } = clone;
      const body = checkin(1, { boot_id, sequence: (sequence += 1), uptime_seconds: 100 });
      const answer = await server.call('POST', '/api/agent/checkin', { body, token: enrol });
      if (answer.status === 200) clone.token = answer.body.token;
      return answer;
    };
    const first = await Promise.all(clones.map(enter));
    const [id, ...others] = first.map(({ body }) => body.machine_id);
    expect(others).toEqual([id]);
    /** A heartbeat as an agent sends it: told to check in or to enrol again, it does. */
    const say = async (clone: Clone): Promise<boolean> => {
      const body = { machine_id: id, boot_id: clone.boot };
      const { server, token } = clone;
      const beaten = await server.call('POST', '/api/agent/heartbeat', { body, token });
      const isForgotten = [401, 403, 404].includes(beaten.status);
      return (isForgotten ? await enter(clone) : beaten).status === 200;
    };
    const rounds: boolean[][] = [];
    for (let i = 0; i < 12; i += 1) {
      rounds.push(await Promise.all(clones.map(say)));
      await pass(4);
    }
    const last = rounds.slice(-4);
    expect(new Set(last.map(String)).size).toBe(1);
    expect(last[0]?.filter(Boolean)).toHaveLength(1);
    const { items } = await one.store.conflicts.list();
    expect(items.map(({ value }) => value.machine_id)).toEqual([id]);
  }, 120_000);
});
