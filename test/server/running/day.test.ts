// A day at a server, replayed fast.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { createApp, type Routes } from '../../../src/server/app.ts';
import type { Services } from '../../../src/server/services.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin } from '../harness.ts';

const machines = 5;
const hourMs = 3_600_000;

/** Bytes in use by what is still needed. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  gc();
  return process.memoryUsage().heapUsed;
}

/** It leaps to the end of what it is advanced by: whoever was to wake many times until then wakes once. */
class LeapingClock extends ManualClock {
  #untilMs = 0;

  override nextDueMs(): number | undefined {
    const dueMs = super.nextDueMs();
    return dueMs === undefined ? undefined : Math.max(dueMs, this.#untilMs);
  }

  override advance(ms: number): Promise<void> {
    this.#untilMs = this.elapsedMs() + ms;
    return super.advance(ms);
  }
}

async function prepared() {
  const clock = new LeapingClock(new Date('2026-01-02T00:00:00Z'));
  const store = await openStore('memory:');
  let services: Services | undefined;
  const keep: Routes = (_app, s) => {
    services = s;
  };
  const limits = { machineLogs: { burst: 1e9, perSecond: 1 } };
  const bounds = { audit: { mebibytes: 0.05 }, machineLogs: { mebibytes: 0.1 }, limits };
  const app = await createApp({ store, clock, random: () => 0.5, ...bounds }, [keep]);
  onTestFinished(async () => {
    await app.close();
    await store.close();
  });
  if (services === undefined) throw new Error('the server has no services');
  const call = async (method: 'POST' | 'PATCH', url: string, payload: object): Promise<unknown> => {
    const answer = await app.inject({ method, url, payload, headers: { host: 'localhost' } });
    expect([url, answer.statusCode]).toEqual([url, answer.body === '' ? 204 : 200]);
    return answer.body === '' ? undefined : answer.json();
  };
  return { clock, store, services, call };
}

it('a day leaves memory flat, and the audit log, events and logs within their bounds', async () => {
  const { clock, store, services, call } = await prepared();
  const ids: string[] = [];
  for (let n = 0; n < machines; n += 1) {
    const hello = await call('POST', '/api/agent/checkin', checkin(n, { boot_id: `boot-${n}` }));
    ids.push(Object(hello).machine_id);
  }
  let middle = 0;
  for (let hour = 0; hour < 24; hour += 1) {
    for (const [n, machine_id] of ids.entries()) {
      const boot_id = `boot-${n}`;
      await call('POST', '/api/agent/checkin', checkin(n, { boot_id, hostname: `h${hour}` }));
      await call('POST', '/api/agent/heartbeat', { machine_id, boot_id });
      await call('PATCH', `/api/machines/${machine_id}`, {
        labels: { note: 'x'.repeat(500) + hour },
      });
      const lines = Array.from({ length: 4 }, () => ({
        age_ms: 0,
        source: 'agent',
        text: 'y'.repeat(1000),
      }));
      const stream = `agent-${hour}`;
      await call('POST', '/api/agent/logs', { machine_id, boot_id, stream, first: 0, lines });
    }
    for (let n = 0; n < 1000; n += 1)
      services.events.publish('machine.changed', { machine_id: ids[n % machines] });
    await clock.advance(hourMs);
    // So that all that was begun ends, and the server sees that it is not late any more.
    for (let n = 0; n < 30; n += 1) await clock.advance(100);
    if (hour === 15) middle = heapBytes();
  }
  expect(heapBytes() - middle).toBeLessThan(1024 * 1024);
  const sizeOf = async (all: AsyncIterable<{ value: object }>): Promise<number> => {
    let characters = 0;
    for await (const { value } of all) characters += JSON.stringify(value).length;
    return characters;
  };
  // Besides what has come since the last hour began.
  expect(await sizeOf(store.audit.all())).toBeLessThan(0.05 * 2 ** 20 + machines * 3000);
  expect(await sizeOf(store.logs.all())).toBeLessThan(0.1 * 2 ** 20 + machines * 6000);
  const { run, newest } = /^(?<run>.*)-(?<newest>\d+)$/.exec(services.events.lastId)?.groups ?? {};
  expect(services.events.since(`${run}-${Number(newest) - 4000}`)).toHaveLength(4000);
  expect(services.events.since(`${run}-1`)).toBeUndefined();
});
