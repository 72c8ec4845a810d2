// Disks that are listed, their kind and their paths.
import { describe, expect, it } from 'vitest';
import { codes, denied, probe, read } from '../host.ts';
import { ata, disk, nvme, only, vpd, type Files } from './disk.ts';

describe('the disks probe', () => {
  const scsi = 'pci0000:00/0000:00:15.0/host0/target0:0:0/0:0:0:0';

  it.each([
    ['naa.5000000000000001', 'A', 'B'],
    ['naa.5000c500a1b2c3d4', 'A', 'B'],
    ['naa.0000000000000000', 'A', 'A'],
    ['naa.ffffffffffffffff', 'A', 'A'],
    ['eui.0100000000000000', 'A', 'A'],
    ['uuid.00000000-0000-0000-0000-000000000000', 'A', 'A'],
  ])('takes two disks with WWN %s and serials %s and %s for two', async (wwid, one, two) => {
    const other = ata.replace('ata1/host0/target0:0:0/0', 'ata2/host1/target1:0:0/1');
    const found = await read('disks', {
      ...disk('sda', ata, {}, { type: '0\n', wwid, vpd_pg80: vpd(0x80, one) }),
      ...disk('sdb', other, {}, { type: '0\n', wwid, vpd_pg80: vpd(0x80, two) }),
    });
    expect(found.map(({ paths }) => paths)).toEqual([[], []]);
  });

  it.each([
    ['VMware', 'Virtual disk'],
    ['Msft', 'Virtual disk'],
    ['ATA', 'VBOX HARDDISK'],
    ['ATA', 'QEMU HARDDISK'],
    ['Google', 'PersistentDisk'],
    ['ORACLE', 'BlockVolume'],
  ])('does not believe a disk of %s, a %s, that it rotates', async (vendor, model) => {
    for (const device of [scsi, ata]) {
      expect((await only(disk('sda', device, {}, { vendor, model, type: '0\n' }))).type).toBeNull();
    }
  });

  it.each([
    [0, null],
    [7200, 'hdd'],
  ])('of a volume that says it turns %i times a minute says %s', async (rate, type) => {
    const page = Uint8Array.of(0, 0xb1, 0, 60, rate >> 8, rate & 0xff);
    const files = disk('sda', scsi, {}, { vendor: 'DELL', model: 'PERC H730', vpd_pgb1: page });
    expect((await only(files)).type).toBe(type);
  });

  it('takes two disks on SATA ports for two, however alike their maker named them', async () => {
    const twin = { type: '0\n', wwid: 'naa.5000000123456789', vpd_pg80: vpd(0x80, 'AA0485') };
    const other = ata.replace('ata1/host0/target0:0:0/0', 'ata2/host1/target1:0:0/1');
    const found = await read('disks', {
      ...disk('sda', ata, {}, twin),
      ...disk('sdb', other, {}, twin),
    });
    expect(found.map(({ paths }) => paths)).toEqual([[], []]);
  });

  it.each([
    'pseudo_0/adapter0/host6/target6:0:0/6:0:0:0',
    'tcm_loop_0/tcm_loop_adapter_0/host6/target6:0:1/6:0:1:0',
    'platform/dummy_hcd.0/usb5/5-1/5-1:1.0/host9/target9:0:0/9:0:0:0',
    'platform/vhci_hcd.0/usb5/5-1/5-1:1.0/host9/target9:0:0/9:0:0:0',
  ])('skips a disk of software, or of another host, at %s', async (device) => {
    expect(await read('disks', disk('sda', device))).toEqual([]);
  });

  it.each([
    ['loop', 0],
    ['tcp', 1],
  ])('of a namespace over NVMe %s lists %i', async (transport, count) => {
    const fabric = disk('nvme0n1', 'virtual/nvme-fabrics/ctl/nvme0', {}, { transport });
    const shared = disk(
      'nvme1n1',
      'virtual/nvme-subsystem/nvme-subsys1',
      {},
      { 'nvme1/transport': transport },
    );
    for (const files of [fabric, shared]) expect(await read('disks', files)).toHaveLength(count);
  });

  it('reads a SATA disk', async () => {
    const files = disk('sda', ata, { dev: '8:0\n' }, { model: 'ST1000NM0055-1V4\n', type: '0\n' });
    expect(await only(files)).toEqual({
      device: '/dev/sda',
      size_bytes: 1024 ** 3,
      model: 'ST1000NM0055-1V4',
      serial: null,
      wwn: null,
      type: 'hdd',
      transport: 'sata',
      removable: false,
      read_only: false,
      virtual_media: false,
      vendor: null,
      hctl: '0:0:0:0',
      by_path: null,
      paths: [],
    });
  });

  it('counts sectors of 512 bytes on a disk with blocks of 4096', async () => {
    const files = disk('sda', ata, { 'queue/logical_block_size': '4096\n' });
    expect((await only(files)).size_bytes).toBe(1024 ** 3);
  });

  it.each([
    'loop0',
    'ram1',
    'zram0',
    'dm-3',
    'md127',
    'sr0',
    'fd0',
    'nbd0',
    'rbd1',
    'drbd0',
    'bcache0',
    'zd16',
    'pmem0',
    'mtdblock2',
    'mmcblk0boot0',
    'mmcblk0rpmb',
    'mmcblk0gp1',
    'nvme0c1n1',
  ])('skips %s', async (name) => {
    expect(await read('disks', disk(name, ata))).toEqual([]);
  });

  it.each(['sda', 'vdb', 'xvda', 'nvme0n1', 'mmcblk0', 'dasda', 'fioa', 'mdx'])(
    'keeps %s',
    async (name) => {
      expect((await only(disk(name, ata))).device).toBe(`/dev/${name}`);
    },
  );

  it.each([
    ['hidden', { hidden: '1\n' }, {}],
    ['of size 0', { size: '0\n' }, {}],
    ['a SCSI enclosure', {}, { type: '13\n' }],
    ['a SCSI tape', {}, { type: '1\n' }],
  ])('skips what is %s', async (_, own, of) => {
    expect(await read('disks', disk('sda', ata, own, of))).toEqual([]);
  });

  it.each(['0', '14', '20', 'MMC', 'SD'])('keeps a disk of device type %s', async (type) => {
    expect((await only(disk('sda', ata, {}, { type: `${type}\n` }))).device).toBe('/dev/sda');
  });

  it.each(['virtual/nvme-subsystem/nvme-subsys0', 'virtual/nvme-fabrics/ctl/nvme1'])(
    'keeps an NVMe disk under %s',
    async (device) => {
      expect((await only(disk('nvme1n1', device))).device).toBe('/dev/nvme1n1');
    },
  );

  it('skips other virtual devices', async () => {
    expect(await read('disks', disk('nullb0', 'virtual/block'))).toEqual([]);
  });

  it('writes the device of a name with ! as a path', async () => {
    expect((await only(disk('cciss!c0d0', ata))).device).toBe('/dev/cciss/c0d0');
  });

  it('names the fabric of an NVMe disk', async () => {
    const own = disk('nvme0n1', nvme, {}, { transport: 'tcp\n' });
    const subsystem = 'virtual/nvme-subsystem/nvme-subsys1';
    const multipath = disk('nvme1n1', subsystem, {}, { 'nvme4/transport': 'rdma\n' });
    const found = await read('disks', { ...own, ...multipath });
    expect(found.map(({ transport }) => transport)).toEqual(['nvme-tcp', 'nvme-rdma']);
  });

  it('lists the paths of an NVMe disk, which the kernel joins itself', async () => {
    const subsystem = 'virtual/nvme-subsystem/nvme-subsys0';
    const hidden = (name: string): Files => ({
      ...disk(name, nvme.replace('nvme0', name.slice(0, 5)), { hidden: '1\n' }),
    });
    const files = {
      ...disk('nvme0n1', subsystem),
      ...hidden('nvme0c0n1'),
      ...hidden('nvme0c1n1'),
      ...hidden('nvme0c1n2'),
    };
    expect(await only(files)).toMatchObject({
      device: '/dev/nvme0n1',
      paths: ['/dev/nvme0c0n1', '/dev/nvme0c1n1'],
    });
  });

  it('lists the paths of one disk on each of them', async () => {
    const path = (host: number): string =>
      `pci0000:00/0000:81:00.0/host${host}/rport-${host}:0-1/target${host}:0:0/${host}:0:0:1`;
    const wwid = { wwid: 'naa.600508b4\n' };
    const files = { ...disk('sda', path(1), {}, wwid), ...disk('sdb', path(2), {}, wwid) };
    const paths = ['/dev/sda', '/dev/sdb'];
    expect(await read('disks', files)).toMatchObject([
      { device: '/dev/sda', transport: 'fc', paths },
      { device: '/dev/sdb', transport: 'fc', paths },
    ]);
  });

  it.each([
    ['iscsi', 'platform/host3/session1/target3:0:0/3:0:0:0'],
    ['sas', 'pci0000:00/0000:03:00.0/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0'],
    ['usb', 'pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/host6/target6:0:0/6:0:0:0'],
    ['scsi', 'pci0000:00/0000:03:00.0/host0/target0:2:0/0:2:0:0'],
    ['mmc', 'platform/fe330000.mmc/mmc_host/mmc0/mmc0:0001'],
    ['xen', 'vbd-51712'],
  ])('tells the transport %s by the place of the device', async (transport, device) => {
    expect((await only(disk('sda', device))).transport).toBe(transport);
  });

  it.each([
    ['removable', true],
    ['fixed', false],
  ])(
    'takes an NVMe disk whose PCI function is %s for removable: %s',
    async (value, isRemovable) => {
      const pci = nvme.slice(0, nvme.indexOf('/nvme/'));
      const files = {
        ...disk(
          'nvme0n1',
          nvme,
          {},
          { transport: 'pcie\n', device: { link: `/sys/devices/${pci}` } },
        ),
        [`/sys/devices/${pci}/removable`]: `${value}\n`,
      };
      expect((await only(files)).removable).toBe(isRemovable);
    },
  );

  it('marks a read-only disk', async () => {
    expect((await only(disk('sda', ata, { ro: '1\n' }))).read_only).toBe(true);
  });

  it.each([
    ['host-managed', 'host-managed'],
    ['host-aware', 'host-aware'],
    ['none', undefined],
  ])('tells the zones of a disk: %s', async (zoned, told) => {
    expect((await only(disk('sda', ata, { 'queue/zoned': `${zoned}\n` }))).zoned).toBe(told);
  });

  it('reports what is denied and lists the disk without it', async () => {
    const files = disk('sda', ata, {}, { serial: denied('serial'), model: 'X\n' });
    const { found, problems } = await probe('disks', files);
    expect(found).toMatchObject([{ device: '/dev/sda', model: 'X', serial: null }]);
    expect(codes(problems)).toEqual(['read.denied /sys/block/sda/device/serial']);
  });

  it('finds nothing on a host without files', async () => {
    expect(await read('disks', {})).toEqual([]);
  });
});
