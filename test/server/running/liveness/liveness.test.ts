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

describe('two machines with one identity', () => {
  const hello = (server: TestServer, boot_id: string, more: Record<string, unknown> = {}) =>
    server.call('POST', '/api/agent/checkin', {
      body: checkin(1, { boot_id, sequence: 1, ...more }),
    });
  const beat = (server: TestServer, machine_id: string, boot_id: string) =>
    server.call('POST', '/api/agent/heartbeat', { body: { machine_id, boot_id } });

  async function beatingMachine() {
    const clock = new ManualClock(start);
    const server = await startServer({ clock });
    const { body } = await hello(server, 'first');
    await clock.advance(60_000);
    await beat(server, body.machine_id, 'first');
    return { clock, server, id: String(body.machine_id) };
  }

  it('the second one is refused while the first one beats', async () => {
    const { server, id } = await beatingMachine();
    const second = await hello(server, 'second');
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'identity.in-use', machine_id: id });
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await beat(server, id, 'first')).status).toBe(200);
    expect((await beat(server, id, 'second')).status).toBe(409);
  });

  it('the second one is accepted once the first one is late', async () => {
    const { clock, server, id } = await beatingMachine();
    await clock.advance(20_000);
    expect((await hello(server, 'second')).body.machine_id).toBe(id);
  });

  it('a machine that rebooted is accepted at once: its kernel started after the last heartbeat', async () => {
    const { clock, server, id } = await beatingMachine();
    await clock.advance(8000);
    const again = await hello(server, 'second', { uptime_seconds: 3 });
    expect(again.body).toMatchObject({ machine_id: id, is_new: false });
    expect((await beat(server, id, 'second')).status).toBe(200);
    expect((await server.call('GET', '/api/conflicts')).body.conflicts).toEqual([]);
  });

  it('one that ran while the other beat is refused, and an operator hears of it', async () => {
    const { server, id } = await beatingMachine();
    const second = await hello(server, 'second', { uptime_seconds: 3600 });
    expect(second.status).toBe(409);
    const { body } = await server.call('GET', `/api/machines/${id}/conflicts`);
    expect(body.conflicts).toMatchObject([{ machine_id: id, reason: 'indistinguishable' }]);
  });

  it('one that seemed to be a reboot is found out when the first one beats again', async () => {
    const { clock, server, id } = await beatingMachine();
    await clock.advance(8000);
    expect((await hello(server, 'second', { uptime_seconds: 3 })).status).toBe(200);
    // Its orders would be those of the second one: it checks in again.
    const taken = await beat(server, id, 'first');
    expect([taken.status, taken.body.code]).toEqual([404, 'machine.unknown']);
    const again = { uptime_seconds: 3600, sequence: 2 };
    expect((await hello(server, 'first', again)).status).toBe(200);
    expect((await beat(server, id, 'first')).status).toBe(200);
    expect((await beat(server, id, 'second')).status).toBe(409);
    const { body } = await server.call('GET', '/api/conflicts');
    expect(body.conflicts).toHaveLength(1);
  });
});

describe('a machine with the SMBIOS UUID of another one', () => {
  const uuid = '4c4c4544-0051-3510-8052-b4c04f4a3132';

  async function beatingMachine() {
    const clock = new ManualClock(start);
    const server = await startServer({ clock });
    const hello = (n: number, boot_id: string, uptime_seconds: number) =>
      server.call('POST', '/api/agent/checkin', {
        body: checkin(n, { smbios_uuid: uuid, boot_id, sequence: 1, uptime_seconds }),
      });
    const beat = (machine_id: string) =>
      server.call('POST', '/api/agent/heartbeat', { body: { machine_id, boot_id: 'first' } });
    const { body } = await hello(1, 'first', 100);
    const id = String(body.machine_id);
    await clock.advance(8_000);
    await beat(id);
    await clock.advance(5_000);
    return { clock, server, hello, beat: () => beat(id), id };
  }

  it('is a new one when the other was heard while it ran, and an operator hears of it', async () => {
    const { server, hello, beat, id } = await beatingMachine();
    const second = await hello(2, 'second', 60);
    expect(second.body).toMatchObject({ is_new: true, matched_by: 'new' });
    expect(second.body.evidence.join(' ')).toContain('was alive while the caller was running');
    const { body } = await server.call('GET', '/api/conflicts');
    expect(body.conflicts).toMatchObject([
      { reason: 'contradicted', candidates: [{ machine_id: id }] },
    ]);
    expect((await beat()).status).toBe(200);
    expect((await hello(1, 'first', 113)).body.machine_id).toBe(id);
  });

  it('that started since waits until the other is heard, and is a new one then', async () => {
    const { clock, hello, beat, id } = await beatingMachine();
    const waits = await hello(2, 'second', 2);
    expect(waits).toMatchObject({ status: 409, body: { code: 'identity.in-use', machine_id: id } });
    expect(Number(waits.headers.get('retry-after'))).toBeGreaterThan(0);
    await clock.advance(5_000);
    await beat();
    await clock.advance(5_000);
    expect((await hello(2, 'second', 12)).body).toMatchObject({ is_new: true });
    expect((await beat()).status).toBe(200);
  });

  it('is the other one with new ports when that is not heard any more', async () => {
    const { clock, hello, id } = await beatingMachine();
    expect((await hello(2, 'second', 2)).status).toBe(409);
    await clock.advance(15_000);
    const again = await hello(2, 'second', 17);
    expect(again.body).toMatchObject({ machine_id: id, is_new: false, matched_by: 'evidence' });
  });
});
