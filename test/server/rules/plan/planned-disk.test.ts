// The disk that a plan names, or why it names none.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredDisk } from '../../../../src/model/hardware/disk.ts';
import type { Problem } from '../../../../src/model/problem.ts';
import { GiB, debian, disk, image, type Given, plan, outcome, withHints } from './given.ts';

describe('the planned disk', () => {
  const small = disk('/dev/sdb', { size_bytes: 240 * GiB });
  const { contents: _none, ...unreadDisk } = disk('/dev/sda');
  const unreadProblem: Problem = {
    code: 'probe.timeout',
    section: 'contents',
    source: 'contents',
    message: 'the probe did not finish within 30000 ms',
  };
  const data = (device: string, type = 'ext4') => [{ device, type }];
  const namespaces = [
    disk('/dev/nvme0n1', {
      serial: 'NVME-1',
      wwn: 'eui.01',
      size_bytes: 240 * GiB,
      contents: data('/dev/nvme0n1p1'),
    }),
    disk('/dev/nvme0n2', { serial: 'NVME-1', wwn: 'eui.02' }),
  ];

  it.each<[string, Given, string]>([
    [
      'is not one that could not be looked into',
      { disks: [unreadDisk], problems: [unreadProblem] },
      'plan.unread',
    ],
    [
      'is not one whose contents the record has no room for',
      { disks: [unreadDisk], problems: [{ ...unreadProblem, section: 'record' }] },
      'plan.unread',
    ],
    [
      'may be one that could not be looked into where it is named',
      { disks: [unreadDisk], problems: [unreadProblem], actions: withHints({ serial: 'S-sda' }) },
      '/dev/sda',
    ],
    [
      'may be one that could not be looked into where its data may go',
      { disks: [unreadDisk], problems: [unreadProblem], reimage: true },
      '/dev/sda',
    ],
    [
      'may be blank beside one that could not be looked into',
      { disks: [{ ...unreadDisk, size_bytes: 900 * GiB }, small], problems: [unreadProblem] },
      '/dev/sdb',
    ],
    ['may be one of which the agent never tells anything', { disks: [unreadDisk] }, '/dev/sda'],
    ['is the only one', { disks: [disk('/dev/sda')] }, '/dev/sda'],
    ['is the smallest', { disks: [disk('/dev/sda'), small] }, '/dev/sdb'],
    [
      'is none of less than 4 GiB where there is a larger one',
      { disks: [disk('/dev/sda', { size_bytes: GiB }), small] },
      '/dev/sdb',
    ],
    ['is not on USB', { disks: [disk('/dev/sda', { transport: 'usb' })] }, 'plan.no-disk'],
    ['is not removable', { disks: [disk('/dev/sda', { removable: true })] }, 'plan.no-disk'],
    ['is no virtual media', { disks: [disk('/dev/sda', { virtual_media: true })] }, 'plan.no-disk'],
    ['is not read-only', { disks: [disk('/dev/sda', { read_only: true })] }, 'plan.no-disk'],
    ['needs a medium', { disks: [disk('/dev/sda', { size_bytes: 0 })] }, 'plan.no-disk'],
    ['is not known where no disk was reported', { disks: [] }, 'none'],
    [
      'that is not known holds the system that was found',
      { disks: [], os: debian },
      'machine.has-os',
    ],
    [
      'may be removable where its serial is named',
      { disks: [disk('/dev/sda', { removable: true })], actions: withHints({ serial: 'S-sda' }) },
      '/dev/sda',
    ],
    [
      'is none of two namespaces that have the named serial',
      { disks: namespaces, actions: withHints({ serial: 'NVME-1' }), reimage: true },
      'plan.ambiguous',
    ],
    [
      'is the namespace whose WWN is named, whatever the other one holds',
      { disks: namespaces, actions: withHints({ wwn: 'eui.02' }) },
      '/dev/nvme0n2',
    ],
    [
      'is the one of the named serial that another hint tells from the others',
      { disks: namespaces, actions: withHints({ serial: 'NVME-1', size: 480 }) },
      '/dev/nvme0n2',
    ],
    [
      'is the one of the named serial that has two paths',
      {
        disks: [
          disk('/dev/sda', { serial: 'M', paths: ['/dev/sdb'] }),
          disk('/dev/sdb', { serial: 'M', paths: ['/dev/sda'] }),
        ],
        actions: withHints({ serial: 'M' }),
      },
      '/dev/sda',
    ],
    [
      'is never read-only, named or not',
      { disks: [disk('/dev/sda', { read_only: true })], actions: withHints({ serial: 'S-sda' }) },
      'plan.no-disk',
    ],
    [
      'is the one of a name of udev’s, by its place',
      {
        disks: [disk('/dev/sda'), { ...small, by_path: 'pci-0000:00:17.0-ata-2' }],
        actions: [{ ...image, disk: '/dev/disk/by-path/pci-0000:00:17.0-ata-2' }],
      },
      '/dev/sdb',
    ],
    [
      'is the one of a name of udev’s, by its WWN',
      {
        disks: [small, disk('/dev/sda', { wwn: 'naa.5002538F42A1B2C3' })],
        actions: [{ ...image, disk: '/dev/disk/by-id/wwn-0x5002538f42a1b2c3' }],
      },
      '/dev/sda',
    ],
    [
      'is the one of a name of udev’s, by its model and serial',
      {
        disks: [small, disk('/dev/sda', { model: 'MZ7L3480 HCHQ', serial: 'S 5' })],
        actions: [{ ...image, disk: '/dev/disk/by-id/ata-MZ7L3480_HCHQ_S_5' }],
      },
      '/dev/sda',
    ],
    [
      'is the virtual one of a name of udev’s, by the start of its serial',
      {
        disks: [small, disk('/dev/vda', { model: null, serial: '0123456789-0123456789' })],
        actions: [{ ...image, disk: '/dev/disk/by-id/virtio-0123456789-012345678' }],
      },
      '/dev/vda',
    ],
    [
      'is none where a name of udev’s only ends like one',
      { disks: [small], actions: [{ ...image, disk: '/dev/disk/by-id/ata-OTHER_S-sdb' }] },
      'plan.no-disk',
    ],
    [
      'is none of two that have one model and serial',
      {
        disks: [disk('/dev/sda', { serial: 'M' }), disk('/dev/sdb', { serial: 'M' })],
        actions: [{ ...image, disk: '/dev/disk/by-id/ata-MZ7L3480_M' }],
        reimage: true,
      },
      'plan.ambiguous',
    ],
    [
      'is none where a partition is named',
      { disks: [disk('/dev/sda')], actions: [{ ...image, disk: '/dev/sda1' }] },
      'plan.no-disk',
    ],
    [
      'is the namespace of a name of udev’s',
      { disks: namespaces, actions: [{ ...image, disk: '/dev/disk/by-id/nvme-eui.02' }] },
      '/dev/nvme0n2',
    ],
    [
      'is none of two that have one name of udev’s',
      {
        disks: [disk('/dev/sda', { wwn: 'naa.5002' }), { ...small, wwn: 'naa.5002' }],
        actions: [{ ...image, disk: '/dev/disk/by-id/wwn-0x5002' }],
        reimage: true,
      },
      'plan.ambiguous',
    ],
    [
      'is the one of a name of udev’s that has two paths',
      {
        disks: [
          disk('/dev/sda', { wwn: 'naa.5002', paths: ['/dev/sdb'] }),
          disk('/dev/sdb', { wwn: 'naa.5002', paths: ['/dev/sda'] }),
        ],
        actions: [{ ...image, disk: '/dev/disk/by-id/wwn-0x5002' }],
      },
      '/dev/sda',
    ],
    [
      'is none where a name of udev’s is another one’s',
      { disks: [small], actions: [{ ...image, disk: '/dev/disk/by-id/wwn-0x5002' }] },
      'plan.no-disk',
    ],
    [
      'is the one of its path',
      { disks: [disk('/dev/sda'), small], actions: [{ ...image, disk: '/dev/sda' }] },
      '/dev/sda',
    ],
    [
      'is the one that all hints fit',
      {
        disks: [disk('/dev/sda'), small],
        actions: withHints({ size: '>= 400', rotational: false }),
      },
      'plan.no-disk',
    ],
    [
      'holds no system unless that may go',
      { disks: [disk('/dev/sda')], os: debian },
      'machine.has-os',
    ],
    [
      'may hold one that may go',
      { disks: [disk('/dev/sda')], os: debian, reimage: true },
      '/dev/sda',
    ],
    [
      'may hold one where its serial is named',
      { disks: [disk('/dev/sda')], os: debian, actions: withHints({ serial: 'S-sda' }) },
      '/dev/sda',
    ],
    [
      'may be another one than that with the system',
      { disks: [disk('/dev/sda'), small], os: debian },
      '/dev/sdb',
    ],
    [
      'holds no system that may be anywhere',
      { disks: [disk('/dev/sda'), small], os: { ...debian, device: '/dev/mapper/vg-root' } },
      'machine.has-os',
    ],
    [
      'holds no other data',
      { disks: [disk('/dev/sda', { contents: data('/dev/sda1') })] },
      'plan.has-data',
    ],
    [
      'holds no other data by its path',
      {
        disks: [disk('/dev/sda', { contents: data('/dev/sda', 'data') })],
        actions: [{ ...image, disk: '/dev/sda' }],
      },
      'plan.has-data',
    ],
    [
      'has no twin of which one holds data, reimage or not',
      {
        disks: [disk('/dev/sda'), disk('/dev/sdb', { contents: data('/dev/sdb1') })],
        reimage: true,
      },
      'plan.ambiguous',
    ],
    [
      'is no part of a group that reaches another disk',
      {
        disks: [
          disk('/dev/sda', { contents: [{ device: '/dev/sda', type: 'LVM2_member', group: 'g' }] }),
          disk('/dev/sdb', { contents: [{ device: '/dev/sdb', type: 'LVM2_member', group: 'g' }] }),
        ],
        reimage: true,
      },
      'plan.has-data',
    ],
    [
      'is no part of a cluster',
      {
        disks: [disk('/dev/sda', { contents: [{ device: '/dev/sda', type: 'ceph_bluestore' }] })],
        reimage: true,
      },
      'plan.has-data',
    ],
    [
      'may be part of a group that its other path shows too',
      {
        disks: ['/dev/sda', '/dev/sdb'].map((device) =>
          disk(device, {
            serial: 'S1',
            wwn: 'naa.1',
            paths: ['/dev/sda', '/dev/sdb'],
            contents: [{ device: '/dev/sda', type: 'LVM2_member', group: 'g' }],
          }),
        ),
        reimage: true,
      },
      '/dev/sda',
    ],
    [
      'is the one with the system where nothing is overwritten',
      {
        disks: [small, disk('/dev/sda')],
        os: debian,
        actions: [{ action: 'writefile', path: '/etc/motd', content: 'x' }],
      },
      '/dev/sda',
    ],
    ['is none where no action needs one', { disks: [], actions: [{ action: 'reboot' }] }, 'none'],
    [
      'is named once',
      {
        disks: [disk('/dev/sda'), small],
        actions: [
          { action: 'partition', disk: '/dev/sda' },
          { ...image, disk: '/dev/sdb' },
        ],
      },
      'plan.ambiguous',
    ],
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
