// Searches that read the machines' texts in memory find what a reading of all records finds.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import { MachineTexts } from '../../../src/server/running/search/machine-texts.ts';
import { listMachines, machineTexts } from '../../../src/server/machines/machine-list.ts';
import { Events } from '../../../src/server/running/events.ts';
import { Liveness } from '../../../src/server/running/liveness/liveness.ts';
import { defaultLiveness } from '../../../src/server/running/liveness/pace.ts';
import { compileQuery } from '../../../src/model/search/query.ts';
import { textFieldNames } from '../../../src/model/search/fields.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import type { Machine } from '../../../src/model/machine.ts';
import type { MachineListQuery } from '../../../src/model/api/machines.ts';
import { id, machine } from '../../store/documents.ts';
import { wrapStore } from '../harness.ts';

const clock = new ManualClock(new Date('2026-11-26T12:00:00Z'));
const liveness = new Liveness(clock, new Events('test'), () => 0.5, defaultLiveness);

/** Few texts, so that they meet: parts of each other, other alphabets, pairs of surrogates and halves of them. */
const text = fc.oneof(
  fc.constantFrom('a', 'ab', 'rack-1', 'rack-10', 'EPYC', 'é', '😀', '\uD83D', '\uFFFD', 'a\nb'),
  fc.string({ unit: fc.constantFrom('a', 'b', '-', '1', 'É', '\u0001', '😀'), maxLength: 4 }),
  fc.constant('x'.repeat(20_000)),
);
const some = fc.array(text, { maxLength: 3 });
const changes = fc.record({
  n: fc.integer({ min: 1, max: 40 }),
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
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }).map((remove) => ({ remove })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }).map((damage) => ({ damage })) },
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
    fc.constantFrom(...textFieldNames, 'added', 'seen').map((name) => `${name}:`),
  ),
  equals: fc.constantFrom('', '', '='),
  value,
});
const query = fc
  .array(term, { minLength: 1, maxLength: 3 })
  .map((terms) =>
    terms
      .map(({ minus, field, equals, value: wanted }) =>
        [minus, field, field === '' ? '' : equals, '"', wanted.replaceAll('"', ''), '"'].join(''),
      )
      .join(' '),
  )
  .filter((q) => {
    const { fault, unfinished } = compileQuery(q, 0);
    return fault === undefined && unfinished === undefined;
  });

function changed({
  n,
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
    status: { ...base.status, state },
    config: { ...base.config, hostname, tags },
    metadata: { ...base.metadata, labels },
    hardware: {
      ...base.hardware,
      disks: serials.map((serial) => ({ device: '/dev/sda', size_bytes: 1, model: null, serial })),
    },
    local_boot: { at: clock.now().toISOString(), returns, boot_id: null },
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
  const kv = new MemoryKv();
  const [store, other] = [storeOver(kv), storeOver(kv)];
  const texts = machineTexts({ store, liveness, clock });
  const leave = new AbortController();
  await store.watch((change) => {
    texts.changed(change?.id);
  }, leave.signal);
  texts.isWatched = true;
  await texts.upToDate();
  return { kv, store, other, texts, leave };
}

/** The answer of all pages: the machines, and the records that could not be read. */
async function all(
  texts: MachineTexts,
  store: ReturnType<typeof storeOver>,
  asked: MachineListQuery,
) {
  const machines: string[] = [];
  const damaged: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listMachines(
      { store, liveness, clock, texts },
      { ...asked, ...(cursor === undefined ? {} : { cursor }) },
    );
    machines.push(...page.machines.map((found) => found.id));
    damaged.push(...page.damaged.map(({ record }) => record));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { machines, damaged };
}

it('finds what a reading of all records finds, whatever another server writes meanwhile', async () => {
  const asked = fc.record(
    {
      q: query,
      limit: fc.integer({ min: 1, max: 9 }),
      tag: fc.constantFrom('a', 'rack-1'),
      state: fc.constantFrom('Ready' as const, 'Error' as const),
    },
    { requiredKeys: ['q', 'limit'] },
  );
  const round = fc.record({
    writes: fc.array(write, { maxLength: 12 }),
    laterMs: fc.constantFrom(0, 7_200_000),
    asked,
  });
  const rounds = fc.array(round, { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(rounds, async (given) => {
      const { kv, store, other, texts, leave } = await followedStore();
      const unknown = machineTexts({ store, liveness, clock });
      for (const { writes, laterMs, asked: wanted } of given) {
        for (const one of writes) {
          if ('put' in one) await other.machines.put(changed(one.put)).catch(() => {});
          else if ('remove' in one) await other.machines.delete(id(one.remove));
          else await kv.commit([], [{ key: `machines/${id(one.damage)}`, value: '{"id":1}' }]);
        }
        await texts.upToDate();
        // A machine that keeps coming back has no such problem an hour later.
        await clock.advance(laterMs);
        const found = await all(texts, store, wanted);
        const read = await all(unknown, store, wanted);
        expect(found).toEqual(read);
      }
      leave.abort();
    }),
    { numRuns: 120 },
  );
});

it('finds a machine that keeps coming back by what its problems are now', async () => {
  const { store, texts, leave } = await followedStore();
  const given = { n: 1, hostname: 'a', tags: [], labels: {}, serials: [], problems: [] };
  await store.machines.put(changed({ ...given, state: 'Ready', returns: 2 }));
  const find = async (q: string) => (await all(texts, store, { q })).machines.length;
  expect([await find('problem:boot.returned'), await find('-problem:boot.returned')]).toEqual([
    1, 0,
  ]);
  await clock.advance(7_200_000);
  expect([await find('problem:boot.returned'), await find('-problem:boot.returned')]).toEqual([
    0, 1,
  ]);
  leave.abort();
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
  const texts = machineTexts({ store: cut, liveness, clock });
  texts.isWatched = true;
  await texts.upToDate();
  await store.machines.put(machine(1));
  texts.changed(id(1));
  isAway = true;
  await expect(texts.upToDate()).rejects.toMatchObject({ code: 'store.unavailable' });
  isAway = false;
  const names = await texts.named(compileQuery('mac:"02:00:00:00:00:01"', 0).texts);
  expect(await names?.(undefined, 10)).toEqual([id(1)]);
  expect(asked).toEqual(['machines.list', 'machines.get', 'machines.get']);
});

it('has a control character for each field, and one for the ends of lines', () => {
  expect(textFieldNames.length).toBeLessThanOrEqual(31);
});
