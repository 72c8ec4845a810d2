// Whatever is asked, a search finds what a reading of all records finds.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { machineTexts } from '../../../../src/server/machines/machine-list.ts';
import { compileQuery } from '../../../../src/model/search/query.ts';
import { textFieldNames, timeFieldNames } from '../../../../src/model/search/fields.ts';
import type { MachineListQuery } from '../../../../src/model/api/machines.ts';
import { id } from '../../../store/documents.ts';
import { text, number, changes, changed, followedStore, all } from './followed.ts';

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
