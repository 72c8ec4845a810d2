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
    expect(await claims([0, a], [20, b], [40, b], [50, b])).toEqual([
      'alone',
      'not yet',
      'not yet',
      'alone',
    ]);
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
