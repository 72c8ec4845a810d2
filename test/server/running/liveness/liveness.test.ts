import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import type { ServerEvent } from '../../../../src/model/api/events.ts';
import { Events } from '../../../../src/server/running/events.ts';
import { Liveness } from '../../../../src/server/running/liveness/liveness.ts';
import { openStore } from '../../../../src/store/open.ts';
import { checkin, startServer, wrapStore, type TestServer } from '../../harness.ts';

const start = new Date('2026-01-01T00:00:00Z');

function fleet(policy = { intervalSeconds: 10, maxBeatsPerSecond: 500 }, random = () => 0.5) {
  const clock = new ManualClock(start);
  const events = new Events('run');
  const liveness = new Liveness(clock, events, random, policy);
  const published: ServerEvent[] = [];
  events.subscribe((event) => published.push(event));
  return { clock, liveness, published };
}

const boot = { boot_id: 'b' };

function hear(liveness: Liveness, machineId: string): void {
  liveness.beat(machineId, boot, 'Discovered');
}

describe('liveness', () => {
  it('is online, late after 1.5 intervals and gone after 10', async () => {
    const { clock, liveness } = fleet();
    hear(liveness, 'a');
    expect(liveness.nextIntervalSeconds('a')).toBe(10);
    const seen: unknown[] = [];
    for (const seconds of [0, 14.9, 0.2, 84.8, 0.2]) {
      await clock.advance(seconds * 1000);
      seen.push(liveness.of('a', false));
    }
    expect(seen).toEqual(['online', 'online', 'late', 'late', 'gone']);
  });

  it('publishes each change once', async () => {
    const { clock, liveness, published } = fleet();
    hear(liveness, 'a');
    hear(liveness, 'a');
    for (let second = 0; second < 120; second++) {
      await clock.advance(1000);
      liveness.sweep();
    }
    hear(liveness, 'a');
    expect(published.map((event) => event.data['liveness'])).toEqual([
      'online',
      'late',
      'gone',
      'online',
    ]);
  });

  it('is written also where it was heard anew while an earlier time could not be written', async () => {
    const { clock, liveness } = fleet();
    hear(liveness, 'a');
    const [before] = liveness.lastSeen.take(1);
    await clock.advance(100_000);
    expect(liveness.sweep()).toEqual(['a']);
    hear(liveness, 'a');
    if (before !== undefined) liveness.lastSeen.add(before);
    const written = liveness.lastSeen.take(2).map(({ seenAt }) => seenAt);
    expect(written).toEqual([clock.now()]);
    hear(liveness, 'a');
    expect(liveness.lastSeen.has('a')).toBe(true);
  });

  it('is not moved by a step of the wall clock', () => {
    const { clock, liveness } = fleet();
    hear(liveness, 'a');
    clock.stepWall(86_400_000);
    expect(liveness.of('a', false)).toBe('online');
  });

  it('says nothing of silent machines until they had time to be heard after a start', async () => {
    const { clock, liveness } = fleet();
    expect(liveness.of('a', true)).toBeNull();
    await clock.advance(30_000);
    expect(liveness.of('a', true)).toBe('gone');
    expect(liveness.of('never heard', false)).toBeNull();
  });

  it('gives a fleet of any size intervals that keep its rate bounded', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), (machines) => {
        const { liveness } = fleet({ intervalSeconds: 10, maxBeatsPerSecond: 100 }, Math.random);
        for (let n = 0; n < machines; n++) hear(liveness, String(n));
        const intervals = Array.from({ length: machines }, (_, n) =>
          liveness.nextIntervalSeconds(String(n)),
        );
        const rate = intervals.reduce((sum, seconds) => sum + 1 / seconds, 0);
        expect(rate).toBeLessThan(1.15 * 100);
        expect(Math.min(...intervals)).toBeGreaterThanOrEqual(9);
      }),
      { numRuns: 20 },
    );
  });

  it('spreads the intervals, so that machines do not beat together', () => {
    const { liveness } = fleet(undefined, Math.random);
    const intervals = new Set(
      Array.from({ length: 100 }, (_, n) => liveness.nextIntervalSeconds(String(n))),
    );
    expect(intervals.size).toBeGreaterThan(5);
  });
});

describe('a server', () => {
  const beat = (server: TestServer, machine_id: string, more: Record<string, unknown> = {}) =>
    server.call('POST', '/api/agent/heartbeat', { body: { machine_id, ...more } });

  it('writes nothing for a heartbeat, and last_seen in batches', async () => {
    const clock = new ManualClock(start);
    const server = await startServer({ clock });
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const stored = async () => (await server.store.machines.get(body.machine_id))?.value;
    const before = await server.store.machines.get(body.machine_id);
    await clock.advance(5000);
    expect((await beat(server, body.machine_id)).status).toBe(200);
    expect(await server.store.machines.get(body.machine_id)).toEqual(before);
    const shown = await server.call('GET', `/api/machines/${body.machine_id}`);
    expect(shown.body.status.last_seen).toBe('2026-01-01T00:00:05.000Z');
    await clock.advance(5000);
    await expect
      .poll(async () => (await stored())?.status.last_seen)
      .toBe('2026-01-01T00:00:05.000Z');
    // Nobody has to hear of it, and an operator's ETag still holds.
    const again = await server.call('GET', `/api/machines/${body.machine_id}`);
    expect(again.headers.get('etag')).toBe(shown.headers.get('etag'));
  });

  it('writes last_seen when it stops', async () => {
    const clock = new ManualClock(start);
    const server = await startServer({ clock });
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    await clock.advance(3000);
    await beat(server, body.machine_id);
    server.app.server.closeAllConnections();
    await server.app.close();
    const machine = await server.store.machines.get(body.machine_id);
    expect(machine?.value.status.last_seen).toBe('2026-01-01T00:00:03.000Z');
  });

  it('tells a machine that beats of a change to its record', async () => {
    const server = await startServer();
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const id = body.machine_id;
    expect((await beat(server, id)).body.action).toBe('wait');
    const template = { action: 'reboot' };
    await server.call('PUT', '/api/templates/t', {
      body: {
        apiVersion: 'dragonfly.computer/v1',
        kind: 'Template',
        metadata: { name: 't' },
        spec: { actions: [template] },
      },
    });
    const workflow = await server.call('POST', '/api/workflows', {
      body: { machine_id: id, template: 't' },
    });
    expect((await beat(server, id)).body).toMatchObject({
      action: 'execute',
      workflow_id: workflow.body.metadata.name,
    });
  });

  it('asks a machine whose identity changed to check in', async () => {
    const server = await startServer();
    const first = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const { identity } = (await server.store.machines.get(first.body.machine_id))?.value ?? {};
    const identity_hash = identity?.identity_hash;
    await server.call('POST', '/api/agent/checkin', { body: checkin(1, { identity_hash }) });
    const id = first.body.machine_id;
    expect((await beat(server, id, { identity_hash })).status).toBe(200);
    expect((await beat(server, id, { identity_hash: 'f'.repeat(64) })).status).toBe(404);
  });

  it('sends heartbeats away before check-ins when it has too much to do', async () => {
    const held: (() => void)[] = [];
    let isHolding = false;
    const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
      if (isHolding && name === 'machines.put') {
        await new Promise<void>((resolve) => {
          held.push(resolve);
        });
      }
      return operation(...args);
    });
    const server = await startServer({ store, overload: { maxCheckins: 4 } });
    const hello = (n: number) =>
      server.call('POST', '/api/agent/checkin', { body: checkin(n, { boot_id: `boot ${n}` }) });
    const { body } = await hello(0);
    isHolding = true;
    const waiting = [hello(1), hello(2)];
    await expect.poll(() => held.length).toBe(2);
    const beatOf0 = () => beat(server, body.machine_id, { boot_id: 'boot 0' });
    expect((await beatOf0()).status).toBe(503);
    waiting.push(hello(3), hello(4));
    await expect.poll(() => held.length).toBe(4);
    const refused = await hello(5);
    expect([refused.status, refused.body.code]).toEqual([503, 'server.busy']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    // A stock agent would wait for a key at its console.
    waiting.push(server.call('POST', '/api/agent/checkin', { body: checkin(6) }));
    await expect.poll(() => held.length).toBe(5);
    isHolding = false;
    for (const release of held) release();
    expect((await Promise.all(waiting)).map((answer) => answer.status)).toEqual([
      200, 200, 200, 200, 200,
    ]);
    expect((await beatOf0()).status).toBe(200);
  });
});
