// The disk that an action names: by its serial, WWN, path or a name of udev's.
import { describe, expect, it } from 'vitest';
import { GiB, disk, image, outcome, withHints, type Given } from './given.ts';

describe('the named disk', () => {
  const small = disk('/dev/sdb', { size_bytes: 240 * GiB });
  const namespaces = [
    disk('/dev/nvme0n1', {
      serial: 'NVME-1',
      wwn: 'eui.01',
      size_bytes: 240 * GiB,
      contents: [{ device: '/dev/nvme0n1p1', type: 'ext4' }],
    }),
    disk('/dev/nvme0n2', { serial: 'NVME-1', wwn: 'eui.02' }),
  ];

  it.each<[string, Given, string]>([
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
  ])('%s', (_rule, given, expected) => {
    expect(outcome(given)).toBe(expected);
  });
});
