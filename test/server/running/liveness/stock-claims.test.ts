import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/core/clock.ts';
import {
  StockClaims,
  type StockBody,
} from '../../../../src/server/running/liveness/stock-claims.ts';

const disks = [{ name: 'sda', size_bytes: 2 ** 40 }];
const a: StockBody = {
  hostname: 'a',
  ip_address: '10.0.0.1',
  cpu_model: 'Xeon',
  cpu_cores: 8,
  disks,
};
const b: StockBody = { ...a, hostname: 'b', ip_address: '10.0.0.2' };

/** The verdicts on check-ins at these seconds. */
async function claims(...checkins: readonly (readonly [number, StockBody])[]): Promise<string[]> {
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const heard = new StockClaims(clock);
  const made: string[] = [];
  let now = 0;
  for (const [seconds, body] of checkins) {
    await clock.advance((seconds - now) * 1000);
    now = seconds;
    made.push(heard.hear('m', body).is);
  }
  return made;
}

describe('check-ins without a boot_id', () => {
  it.each<[string, (readonly [number, StockBody])[]]>([
    [
      'the same each time',
      [
        [0, a],
        [30, a],
        [60, a],
        [61, a],
      ],
    ],
    [
      'from a machine that booted with another name',
      [
        [0, a],
        [60, b],
        [90, b],
      ],
    ],
    [
      'from a machine whose address changes and changes back',
      [
        [0, a],
        [30, b],
        [60, a],
        [90, b],
      ],
    ],
    [
      'of which one tells less than the other',
      [
        [0, { ...a, disks: [] }],
        [1, a],
        [2, {}],
      ],
    ],
    [
      'from a machine whose disks have other names after a quick reboot',
      [
        [0, { ...a, disks: [...disks, { name: 'sdb', size_bytes: 1 }] }],
        [
          9,
          {
            ...a,
            disks: [
              { name: 'sda', size_bytes: 1 },
              { name: 'sdb', size_bytes: 2 ** 40 },
            ],
          },
        ],
      ],
    ],
  ])('%s are of one machine', async (_name, heard) => {
    expect(new Set(await claims(...heard))).toEqual(new Set(['alone']));
  });

  it('of a quick reboot with another name wait until the name before is heard no more', async () => {
    expect(await claims([0, a], [20, b], [50, b])).toEqual(['alone', 'not yet', 'alone']);
  });

  it.each([0.001, 5, 15, 29])('that alternate, %d s apart, are of two machines', async (apart) => {
    const rounds = [0, 30, 60].flatMap((at) => [[at, a] as const, [at + apart, b] as const]);
    expect(await claims(...rounds)).toEqual([
      'alone',
      'not yet',
      'first of two',
      'second of two',
      'first of two',
      'second of two',
    ]);
  });

  it('with other processors within a round are of two machines at once', async () => {
    expect(await claims([0, a], [31, { ...a, cpu_model: 'EPYC' }])).toEqual([
      'alone',
      'second of two',
    ]);
  });

  it('are of one machine again when the other is heard no more', async () => {
    const both = [
      [0, a],
      [10, b],
      [30, a],
      [40, b],
    ] as const;
    expect((await claims(...both, [60, a], [90, a])).at(-1)).toBe('alone');
    expect((await claims(...both, [70, b], [100, b])).at(-1)).toBe('alone');
  });
});

describe('check-ins that show the very same', () => {
  /** The verdicts on check-ins at these seconds: "two" where they are known to be of two machines. */
  async function alike(...seconds: readonly number[]): Promise<string[]> {
    const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
    const heard = new StockClaims(clock);
    const made: string[] = [];
    let now = 0;
    for (const second of seconds) {
      await clock.advance((second - now) * 1000);
      now = second;
      const claim = heard.hear('m', a);
      made.push(claim.is === 'beside its like' && claim.areTwo ? 'two' : claim.is);
    }
    return made;
  }
  const every = (period: number, from: number, to: number): number[] =>
    Array.from({ length: Math.floor((to - from) / period) + 1 }, (_, i) => from + i * period);

  it.each([0.001, 0.3, 3, 12, 18, 29.9])(
    'in two rhythms, %d s apart, are of two machines, of which neither is told to begin',
    async (apart) => {
      const seconds = [...every(30, 0, 240), ...every(30, apart, 240)].toSorted((x, y) => x - y);
      const made = await alike(...seconds);
      expect(made.slice(0, 2)).toEqual(['alone', 'alone']);
      expect(new Set(made.slice(3))).toEqual(new Set(['beside its like', 'two']));
      expect(made.indexOf('two')).toBeLessThan(12);
      // One of them is switched off.
      const later = await alike(...seconds, 270, 300, 330);
      expect(later.slice(-2)).toEqual(['alone', 'alone']);
    },
  );

  it('in two rhythms half a round apart wait, but are not known for two: an agent may fail at each start', async () => {
    const made = await alike(...every(15, 0, 600));
    expect(new Set(made.slice(2))).toEqual(new Set(['beside its like']));
  });

  it.each([1, 4, 5, 7.5, 10, 14.9, 15.2])(
    'of an agent that fails %d s after each start are of one machine',
    async (period) => {
      expect(await alike(...every(period, 0, 600))).not.toContain('two');
    },
  );

  it('of an agent that is started anew are of one machine, whenever that is', async () => {
    expect(await alike(0, 10, 40, 70)).toEqual(['alone', 'alone', 'alone', 'alone']);
    const restart = fc.integer({ min: 10, max: 600 });
    const rounds = fc.array(restart, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(rounds, async (tenths) => {
        // After each time so long it is started anew, and checks in every 30 s until then.
        let start = 0;
        const seconds: number[] = [];
        for (const tenth of tenths) {
          const end = start + tenth / 10;
          for (let at = start; at < end; at += 30) seconds.push(at);
          start = end;
        }
        expect(await alike(...seconds)).not.toContain('two');
      }),
      { numRuns: 300 },
    );
  });

  it('name the other address that they come from', async () => {
    const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
    const heard = new StockClaims(clock);
    heard.hear('m', a, '192.0.2.1');
    await clock.advance(10_000);
    heard.hear('m', a, '198.51.100.1');
    await clock.advance(20_000);
    expect(heard.hear('m', a, '192.0.2.1')).toEqual({
      is: 'beside its like',
      areTwo: false,
      others: ['198.51.100.1'],
    });
  });
});

it('of a whole fleet at once are told to other servers by the newest thousand', async () => {
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const heard = new StockClaims(clock);
  for (let n = 0; n < 1100; n += 1) {
    heard.hear(`m${n}`, a);
    await clock.advance(1);
  }
  const told = heard.heardHere(6000);
  expect([told.length, told[0]?.machine_id]).toEqual([1000, 'm1099']);
  expect(heard.heardHere(10).map(({ machine_id: id }) => id)).toHaveLength(10);
});
