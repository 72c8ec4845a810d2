// Searches that read the machines' texts in memory find what a reading of all records finds.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import { AppError } from '../../../../src/core/errors.ts';
import {
  listMachines,
  machineTexts,
  type ListServices,
} from '../../../../src/server/machines/machine-list.ts';
import { compileQuery } from '../../../../src/model/search/query.ts';
import { textFieldNames } from '../../../../src/model/search/fields.ts';
import { storeOver } from '../../../../src/store/kv-store.ts';
import { MemoryKv } from '../../../../src/store/memory.ts';
import { id, machine } from '../../../store/documents.ts';
import { checkin, startServer, wrapStore } from '../../harness.ts';
import { startsAt, changed, followedStore, all } from './followed.ts';

it('finds a machine that keeps coming back by what its problems are now', async () => {
  const { s, leave } = await followedStore();
  const made = '2026-11-20T00:00:00Z';
  const given = { n: 1, hostname: 'a', tags: [], labels: {}, serials: [], problems: [], made };
  const seen = null;
  await s.store.machines.put(changed({ ...given, seen, state: 'Ready', returns: 2 }));
  const find = async (q: string) => (await all(s, { q })).machines.length;
  expect([await find('problem:boot.returned'), await find('-problem:boot.returned')]).toEqual([
    1, 0,
  ]);
  await s.clock.advance(7_200_000);
  expect([await find('problem:boot.returned'), await find('-problem:boot.returned')]).toEqual([
    0, 1,
  ]);
  leave.abort();
});

it('finds a machine by when it was last heard, also once it is forgotten', async () => {
  const among: boolean[] = [];
  const store = wrapStore(storeOver(new MemoryKv()), (name, operation) => async (...args) => {
    if (name === 'machines.list') among.push(Object(args[0]).among !== undefined);
    return operation(...args);
  });
  const ownClock = new ManualClock(startsAt);
  const server = await startServer({ store, clock: ownClock });
  const find = async (q: string): Promise<number> => {
    const { body } = await server.call('GET', `/api/machines?q=${q}`);
    return body.machines.length;
  };
  const sent = { ...checkin(1), boot_id: 'a', agent_version: '0.2.0' };
  const { body } = await server.call('POST', '/api/agent/checkin', { body: sent });
  const beat = { machine_id: body.machine_id, boot_id: 'a' };
  await expect.poll(async () => [await find('seen:1m'), among.at(-1)]).toEqual([1, true]);
  for (let n = 0; n < 60; n += 1) {
    await ownClock.advance(10_000);
    await server.call('POST', '/api/agent/heartbeat', { body: beat });
  }
  expect([await find('live:online'), await find('seen:1m'), await find('seen:>5m')]).toEqual([
    1, 1, 0,
  ]);
  for (let n = 0; n < 30; n += 1) await ownClock.advance(10_000);
  expect([await find('live:gone'), await find('seen:>10m'), await find('seen:10m')]).toEqual([
    1, 0, 1,
  ]);
  expect(among.at(-1)).toBe(true);
});

it('reads what changed once the store answers again, and nothing else anew', async () => {
  const store = storeOver(new MemoryKv());
  let isAway = false;
  const asked: string[] = [];
  const cut = wrapStore(store, (name, operation) => async (...args) => {
    asked.push(name);
    if (isAway) throw new AppError('store.unavailable', 'the store is away');
    return operation(...args);
  });
  const { s } = await followedStore();
  const texts = machineTexts({ ...s, store: cut });
  texts.isWatched = true;
  await texts.upToDate();
  await store.machines.put(machine(1));
  texts.changed(id(1));
  isAway = true;
  await expect(texts.upToDate()).rejects.toMatchObject({ code: 'store.unavailable' });
  isAway = false;
  const names = await texts.named(compileQuery('mac:"02:00:00:00:00:01"', 0).terms);
  expect(await names?.(undefined, 10)).toEqual([id(1)]);
  expect(asked).toEqual(['machines.list', 'machines.get', 'machines.get']);
});

it('keeps no texts of a fleet with too many, reads its records, and says so', async () => {
  const { s } = await followedStore();
  for (let n = 1; n <= 24; n += 1) await s.store.machines.put(machine(n));
  const texts = machineTexts(s, 0);
  texts.isWatched = true;
  const few = { ...s, texts };
  const wanted = { q: 'mac:"02:00:00:00:00:01"' };
  const find = async (of: ListServices) => {
    const { machines, isUnindexed } = await listMachines(of, wanted);
    return [machines.length, isUnindexed];
  };
  // The first search begins to read the texts.
  expect(await find(few)).toEqual([1, false]);
  await texts.upToDate();
  expect(await find(few)).toEqual([1, true]);
  expect([texts.isKnown, texts.isGivenUp]).toEqual([false, true]);
  // The records are read for this one anyway.
  const other = await listMachines(few, { q: '"\uFFFD"' });
  expect([other.machines.length, other.isUnindexed]).toEqual([0, false]);
  texts.changed(undefined);
  texts.changed(id(1));
  await texts.upToDate();
  expect(await find(few)).toEqual([1, true]);
  expect(await find(s)).toEqual([1, false]);
});

it('finds what there is where the texts become too many as they are brought up to date', async () => {
  const { s } = await followedStore();
  await s.store.machines.put(machine(1));
  const texts = machineTexts(s, 64 * 1024);
  texts.isWatched = true;
  await texts.upToDate();
  const wide = 'x'.repeat(10_000);
  for (let n = 2; n <= 24; n += 1) {
    const one = machine(n);
    one.hardware.cpu_model = wide;
    await s.store.machines.put(one);
    texts.changed(id(n));
  }
  const { machines, isUnindexed } = await listMachines({ ...s, texts }, { q: wide.slice(0, 1000) });
  expect([machines.length, isUnindexed]).toEqual([23, true]);
});

it('has a control character for each field, and one for the ends of lines', () => {
  expect(textFieldNames.length).toBeLessThanOrEqual(31);
});
