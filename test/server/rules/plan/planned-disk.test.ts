// The disk that a plan chooses, or why it chooses none.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredDisk } from '../../../../src/model/hardware/disk.ts';
import { GiB, disk, outcome, plan, type Given } from './given.ts';

describe('the planned disk', () => {
  const small = disk('/dev/sdb', { size_bytes: 240 * GiB });

  it.each<[string, Given, string]>([
    ['is the only one', { disks: [disk('/dev/sda')] }, '/dev/sda'],
    ['is the smallest', { disks: [disk('/dev/sda'), small] }, '/dev/sdb'],
    [
      'is none of less than 4 GiB where there is a larger one',
      { disks: [disk('/dev/sda', { size_bytes: GiB }), small] },
      '/dev/sdb',
    ],
    ...[
      { transport: 'fc' },
      { transport: 'iscsi' },
      { transport: 'nvme-tcp' },
      { transport: 'sas', paths: ['/dev/sdb', '/dev/sdc'] },
      { transport: 'sd' },
      { model: 'INTEL MEMPEK1J016GA' },
      { model: 'INTEL HBRPEKNX0202AO' },
    ].map((more): [string, Given, string] => [
      `is one of its own rather than a smaller one with ${JSON.stringify(more)}`,
      { disks: [disk('/dev/sda'), { ...small, ...more }] },
      '/dev/sda',
    ]),
    [
      'is on a SAN where there is nothing else',
      { disks: [{ ...small, transport: 'fc' }, disk('/dev/sda', { size_bytes: GiB })] },
      '/dev/sdb',
    ],
    ['is not on USB', { disks: [disk('/dev/sda', { transport: 'usb' })] }, 'plan.no-disk'],
    ['is not removable', { disks: [disk('/dev/sda', { removable: true })] }, 'plan.no-disk'],
    ['is no virtual media', { disks: [disk('/dev/sda', { virtual_media: true })] }, 'plan.no-disk'],
    [
      'is not host-managed zoned',
      { disks: [disk('/dev/sda', { zoned: 'host-managed' })] },
      'plan.no-disk',
    ],
    ['is not read-only', { disks: [disk('/dev/sda', { read_only: true })] }, 'plan.no-disk'],
    ['needs a medium', { disks: [disk('/dev/sda', { size_bytes: 0 })] }, 'plan.no-disk'],
    ['is not known where no disk was reported', { disks: [] }, 'none'],
    ['is none where no action needs one', { disks: [], actions: [{ action: 'reboot' }] }, 'none'],
    [
      'is confirmed for an agent that compares nothing',
      { disks: [disk('/dev/sda'), small], bootId: null },
      'plan.ambiguous',
    ],
    [
      'once confirmed is planned for such an agent too',
      { disks: [disk('/dev/sda'), small], bootId: null, confirmed: true },
      '/dev/sdb',
    ],
  ])('%s', (_rule, given, expected) => {
    expect(outcome(given)).toBe(expected);
  });

  it('is the same, or refused, whatever the order and the names that the kernel gave', () => {
    const kinds = fc.record({
      size: fc.constantFrom(120, 240, 480),
      model: fc.constantFrom('A', 'B'),
      hasData: fc.boolean(),
      removable: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(kinds, { minLength: 1, maxLength: 5 }), fc.nat(), (list, turn) => {
        const disks = (order: readonly number[]): StoredDisk[] =>
          order.map((n, i) => {
            const { size, model, hasData, removable } = list[n] ?? {
              size: 1,
              model: '',
              hasData: false,
              removable: false,
            };
            const device = `/dev/sd${String.fromCharCode(97 + i)}`;
            const contents = hasData ? [{ device, type: 'xfs' }] : [];
            return {
              device,
              size_bytes: size * GiB,
              model,
              serial: `serial-${n}`,
              contents,
              removable,
            };
          });
        const serialOf = (order: readonly number[]): string | undefined => {
          try {
            return plan({ disks: disks(order) }).disk?.serial ?? undefined;
          } catch {
            return undefined;
          }
        };
        const one = list.map((_, i) => i);
        const other = [...one.slice(turn % one.length), ...one.slice(0, turn % one.length)];
        const [a, b] = [serialOf(one), serialOf(other)];
        expect(a).toBe(b);
        expect(a === undefined || list[Number(a.slice(7))]?.hasData === false).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
