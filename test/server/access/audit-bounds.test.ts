// The audit log's bounds: agents are written once a day, and the oldest entries give way.
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { AgentsEntries } from '../../../src/server/http/agents-entries.ts';
import {
  appendAudit,
  pruneAudit,
  remoteShellAction,
} from '../../../src/server/running/audit-log.ts';
import { openStore } from '../../../src/store/open.ts';
import { v7 } from 'uuid';

it('entries of agents are written again after a day, from elsewhere, of another kind, and where they could not be', async () => {
  const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
  const entries = new AgentsEntries(clock);
  const entry = {
    by: 'ops',
    from: '192.0.2.1',
    action: 'workflows.events',
    records: ['workflows/1'],
    change: { type: 'started' },
    request_id: null,
  };
  let written = 0;
  const write = async (): Promise<void> => {
    written += 1;
  };
  const full = new Error('the disk is full');
  await expect(entries.once(entry, () => Promise.reject(full))).rejects.toBe(full);
  for (const [made, change] of [
    [1, {}],
    [1, {}],
    [2, { from: '192.0.2.2' }],
    [3, { change: { type: 'completed', success: false } }],
    [3, { request_id: '2' }],
  ] as const) {
    await entries.once({ ...entry, ...change }, write);
    expect(written).toBe(made);
  }
  await clock.advance(86_400_000);
  await entries.once(entry, write);
  expect(written).toBe(4);
});

it('drops the oldest entries beyond its age and its size', async () => {
  const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
  const store = await openStore('memory:');
  const s = { store, clock, newId: () => v7({ msecs: clock.now().getTime() }) };
  const append = (n: number) =>
    appendAudit(s, {
      by: 'ops',
      from: null,
      action: 'settings.put',
      records: [`settings/${n}`],
      change: 'x'.repeat(8000),
      request_id: null,
    });
  for (let n = 0; n < 300; n += 1) {
    await append(n);
    await clock.advance(86_400_000 / 2);
  }
  const left = async () => {
    const { items } = await store.audit.list({ limit: 1000 });
    return items.map(({ value }) => value.records[0]);
  };
  expect(await pruneAudit(store, { days: 140, mebibytes: 64 }, clock.now())).toBe(20);
  expect((await left())[0]).toBe('settings/20');
  await pruneAudit(store, { days: 140, mebibytes: 1 }, clock.now());
  const kept = await left();
  expect(kept.at(-1)).toBe('settings/299');
  expect(kept.length).toBeGreaterThan(100);
  expect(kept.length).toBeLessThan(132);
});

it('counts what finds an entry of many records, which takes more room than the entry', async () => {
  const store = await openStore('memory:');
  const records = Array.from({ length: 200 }, (_, n) => `machines/${n}`.padEnd(45, 'x'));
  const entry = { by: 'ops', from: null, action: 'tags.delete', change: null, request_id: null };
  const s = { store, clock: systemClock, newId: v7 };
  for (let n = 0; n < 60; n += 1) await appendAudit(s, { ...entry, records });
  const { items } = await store.audit.list({ limit: 1 });
  expect(JSON.stringify(items[0]?.value).length * 60).toBeLessThan(1024 * 1024);
  await pruneAudit(store, { days: 140, mebibytes: 1 }, new Date());
  const kept = (await store.audit.list({ limit: 100 })).items.length;
  expect(kept).toBeGreaterThan(20);
  expect(kept).toBeLessThan(35);
});

it('keeps the entries of operators, however many machines bring about', async () => {
  const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
  const store = await openStore('memory:');
  const s = { store, clock, newId: () => v7({ msecs: clock.now().getTime() }) };
  const append = async (by: string, action: string, change: string): Promise<void> => {
    await appendAudit(s, { by, from: null, action, records: [], change, request_id: null });
    await clock.advance(1000);
  };
  const ofMachines = [remoteShellAction, 'agent.checkin', 'agent.logs', 'workflows.events'];
  await append('ops', 'settings.put', 'first');
  for (let n = 0; n < 200; n += 1) {
    const action = ofMachines[n % ofMachines.length] ?? '';
    await append(`machine ${n}`, action, 'x'.repeat(8000));
    if (n % 2 === 0) await append('ops', 'settings.put', 'x'.repeat(6000));
  }
  await pruneAudit(store, { days: 140, mebibytes: 1 }, clock.now());
  const { items } = await store.audit.list({ limit: 1000 });
  const kept = items.filter(({ value }) => ofMachines.includes(value.action));
  expect(items.length - kept.length).toBe(101);
  expect(kept.length).toBeGreaterThan(25);
  expect(kept.length).toBeLessThan(33);
  expect(kept.at(-1)?.value.by).toBe('machine 199');
});
