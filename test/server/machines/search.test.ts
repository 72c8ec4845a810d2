// Searches that read the machines' texts in memory find what a reading of all records finds.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import {
  listMachines,
  machineTexts,
  type ListServices,
} from '../../../src/server/machines/machine-list.ts';
import { Events } from '../../../src/server/running/events.ts';
import { Liveness } from '../../../src/server/running/liveness/liveness.ts';
import { defaultLiveness } from '../../../src/server/running/liveness/pace.ts';
import { compileQuery } from '../../../src/model/search/query.ts';
import { textFieldNames, timeFieldNames } from '../../../src/model/search/fields.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import type { Machine } from '../../../src/model/machine.ts';
import type { MachineListQuery } from '../../../src/model/api/machines.ts';
import { id, machine } from '../../store/documents.ts';
import { checkin, startServer, wrapStore } from '../harness.ts';

const startsAt = new Date('2026-11-26T12:00:00Z');

/** Few texts, so that they meet: parts of each other, other alphabets, pairs of surrogates and halves of them. */
const text = fc.oneof(
  fc.constantFrom('a', 'ab', 'rack-1', 'rack-10', 'EPYC', 'é', '😀', '\uD83D', '\uFFFD', 'a\nb'),
  fc.string({ unit: fc.constantFrom('a', 'b', '-', '1', 'É', '\u0001', '😀'), maxLength: 4 }),
  // Too long to be kept, and so long that a few fill a block.
  fc.constantFrom('x'.repeat(20_000), 'y'.repeat(6000)),
);
const some = fc.array(text, { maxLength: 3 });
const number = fc.integer({ min: 1, max: 24 });
const time = fc.constantFrom<string>(
  '2026-11-26T11:59:30Z',
  '2026-11-26T10:30:00Z',
  '2026-11-20T00:00:00Z',
  '2027-01-01T00:00:00Z',
);
const changes = fc.record({
  n: number,
  seen: fc.option(fc.oneof({ weight: 6, arbitrary: time }, fc.constant('once'))),
  made: time,
  hostname: fc.option(text),
  tags: some,
  labels: fc.dictionary(fc.constantFrom('a', 'b'), text, { noNullPrototype: true }),
  serials: some,
  state: fc.constantFrom<Machine['status']['state']>('Ready', 'Offline', {
    Error: { message: 'ab' },
  }),
  problems: some,
  returns: fc.constantFrom(0, 0, 2),
});
type Change = typeof changes extends fc.Arbitrary<infer C> ? C : never;

const write = fc.oneof(
  { weight: 6, arbitrary: changes.map((put) => ({ put })) },
  { weight: 4, arbitrary: number.map((beat) => ({ beat })) },
  { weight: 1, arbitrary: number.map((remove) => ({ remove })) },
  { weight: 1, arbitrary: number.map((damage) => ({ damage })) },
);

const value = fc.oneof(
  text.filter((one) => one.length < 100),
  fc.constantFrom('*', 'a*', '*b', 'ra*1', '02-00-00', '0200.0000.00', '02:00', 'boot', 'e', '\\n'),
);
const term = fc.record({
  minus: fc.constantFrom('', '', '-'),
  field: fc.oneof(
    fc.constant(''),
    fc.constant('problem:'),
    fc.constantFrom(...textFieldNames).map((name) => `${name}:`),
  ),
  equals: fc.constantFrom('', '', '='),
  value,
});
const ages = fc.record({
  minus: fc.constantFrom('', '-'),
  field: fc.constantFrom(...timeFieldNames).map((name) => `${name}:`),
  equals: fc.constant(''),
  value: fc.constantFrom('1m', '>1m', '2h', '>2h', '7d', '>7d'),
});
const alive = fc.record({
  minus: fc.constantFrom('', '-'),
  field: fc.constant('live:'),
  equals: fc.constantFrom('', '='),
  value: fc.constantFrom('online', 'late', 'gone', 'unheard'),
});
function queryOf(terms: typeof term): fc.Arbitrary<string> {
  return fc
    .array(terms, { minLength: 1, maxLength: 3 })
    .map((given) =>
      given
        .map(({ minus, field, equals, value: wanted }) =>
          [minus, field, field === '' ? '' : equals, '"', wanted.replaceAll('"', ''), '"'].join(''),
        )
        .join(' '),
    )
    .filter((q) => {
      const { fault, unfinished } = compileQuery(q, 0);
      return fault === undefined && unfinished === undefined;
    });
}

const limit = fc.integer({ min: 1, max: 9 });
const live = fc.constantFrom('online' as const, 'late' as const, 'gone' as const);
const asking: fc.Arbitrary<MachineListQuery> = fc.oneof(
  fc.record(
    {
      q: queryOf(fc.oneof({ weight: 2, arbitrary: term }, ages, alive)),
      limit,
      tag: fc.constantFrom('a', 'rack-1'),
      state: fc.constantFrom('Ready' as const, 'Error' as const),
    },
    { requiredKeys: ['q', 'limit'] },
  ),
  fc.record({ q: queryOf(fc.oneof(ages, alive)), limit }),
  fc.record(
    { liveness: live, tag: fc.constantFrom('a', 'rack-1'), limit },
    { requiredKeys: ['liveness', 'limit'] },
  ),
);

function changed({
  n,
  seen,
  made,
  hostname,
  tags,
  labels,
  serials,
  state,
  problems,
  returns,
}: Change): Machine {
  const base = machine(n);
  return {
    ...base,
    status: { ...base.status, state, last_seen: seen },
    config: { ...base.config, hostname, tags },
    metadata: { ...base.metadata, labels, created_at: made, updated_at: made },
    hardware: {
      ...base.hardware,
      disks: serials.map((serial) => ({ device: '/dev/sda', size_bytes: 1, model: null, serial })),
    },
    local_boot: { at: startsAt.toISOString(), returns, boot_id: null },
    report: {
      at: '2026-11-26T11:59:00Z',
      hostname: null,
      ip_address: null,
      bmc_address: null,
      existing_os: null,
      nameservers: [],
      boot_id: null,
      agent_version: '0.2.0',
      matched_by: 'new',
      evidence: [],
      problems: problems.map((message) => ({
        code: 'read.denied',
        section: 'x',
        source: '/',
        message,
      })),
    },
  };
}

/** A store that two servers have, and the texts that one of them keeps of it. */
async function followedStore() {
  const clock = new ManualClock(startsAt);
  const liveness = new Liveness(clock, new Events('test'), () => 0.5, defaultLiveness);
  const kv = new MemoryKv();
  const [store, other] = [storeOver(kv), storeOver(kv)];
  const texts = machineTexts({ store, liveness, clock });
  const leave = new AbortController();
  await store.watch((change) => {
    texts.changed(change?.id);
  }, leave.signal);
  texts.isWatched = true;
  await texts.upToDate();
  return { kv, other, leave, s: { store, liveness, clock, texts } };
}

/** The answer of all pages: the machines, and the records that could not be read. */
async function all(s: ListServices, asked: MachineListQuery) {
  const machines: string[] = [];
  const damaged: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listMachines(s, {
      ...asked,
      ...(cursor === undefined ? {} : { cursor }),
    });
    machines.push(...page.machines.map((found) => found.id));
    damaged.push(...page.damaged.map(({ record }) => record));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { machines, damaged };
}

it('finds what a reading of all records finds, whatever another server writes meanwhile', async () => {
  const round = fc.record({
    writes: fc.array(write, { maxLength: 12 }),
    laterMs: fc.constantFrom(0, 20_000, 7_200_000),
    asked: asking,
  });
  const rounds = fc.array(round, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(rounds, async (given) => {
      const { kv, other, leave, s } = await followedStore();
      const reading = { ...s, texts: machineTexts(s) };
      for (const { writes, laterMs, asked: wanted } of given) {
        for (const one of writes) {
          if ('put' in one) await other.machines.put(changed(one.put)).catch(() => {});
          else if ('beat' in one) s.liveness.beat(id(one.beat), { boot_id: 'a' }, 'Ready');
          else if ('remove' in one) await other.machines.delete(id(one.remove));
          else await kv.commit([], [{ key: `machines/${id(one.damage)}`, value: '{"id":1}' }]);
        }
        await s.texts.upToDate();
        // A machine that keeps coming back has no such problem an hour later.
        await s.clock.advance(laterMs);
        const found = await all(s, wanted);
        const read = await all(reading, wanted);
        expect(found).toEqual(read);
      }
      leave.abort();
    }),
    { numRuns: 100 },
  );
});

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
