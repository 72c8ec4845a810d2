import { describe, expect, it } from 'vitest';
import type { Disk } from '../../../src/model/hardware/disk.ts';
import { codes, denied, probe, read } from '../host.ts';
import type { Entry } from '../memory-root.ts';

type Files = Record<string, Entry>;

const ata = 'pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0';
const nvme = 'pci0000:00/0000:00:1d.0/0000:3d:00.0/nvme/nvme0';

/** A disk of 1 GiB, with what a test cares for laid over it: files of the disk and of its device. */
function disk(
  name: string,
  device: string,
  own: Readonly<Files> = {},
  of: Readonly<Files> = {},
): Files {
  const real = `/sys/devices/${device}/${device.includes('host') ? 'block/' : ''}${name}`;
  const usual = { size: '2097152\n', ro: '0\n', removable: '0\n', 'queue/rotational': '1\n' };
  return {
    [`/sys/block/${name}`]: { link: real },
    [`${real}/device`]: { link: `/sys/devices/${device}` },
    ...under(real, { ...usual, ...own }),
    ...under(`/sys/devices/${device}`, of),
  };
}

function under(dir: string, files: Readonly<Files>): Files {
  return Object.fromEntries(
    Object.entries(files).map(([name, entry]) => [`${dir}/${name}`, entry]),
  );
}

async function only(files: Readonly<Files>): Promise<Disk> {
  const [first, ...more] = await read('disks', files);
  if (first === undefined || more.length > 0) throw new Error('expected one disk');
  return first;
}

/** A vital product data page: header, then text. */
function vpd(page: number, text: string): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.of(0, page, 0, text.length), Buffer.from(text)]));
}

describe('the disks probe', () => {
  const lent = 'pci0000:00/0000:00:14.0/usb1/1-3/1-3:1.0/host1/target1:0:0/1:0:0:0';
  const product = (name: string) => ({
    '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-3/product': `${name}\n`,
  });

  it.each([
    ['iLO', 'LUN 00 Media 0', 'iLO Virtual Keyboard / Media'],
    ['Linux', 'File-Stor Gadget', 'OpenBMC Virtual Media'],
    ['AMI', 'Virtual HDisk0', 'Virtual HDisk Device'],
    ['ATEN', 'Virtual CDROM YS0J', 'Virtual Media'],
    ['Cisco', 'vKVM-Mapped vHDD', 'Virtual Floppy/HDD'],
    ['Lenovo', 'Remote Media', 'XClarity'],
    ['iDRAC', 'LCDRIVE', 'Gadget USB HUB'],
    ['Virtual', 'Virtual FDD', 'iBMC'],
    ['PiKVM', 'Flash Drive', 'PiKVM Composite Device'],
    ['Sipeed', 'Mass Storage', 'NanoKVM'],
    ['Linux', 'File-CD Gadget', 'Gadget'],
    ['SUN', 'Storage', 'ILOM Remote Storage'],
  ])('knows media of a BMC, removable or not: %s %s', async (vendor, model, name) => {
    for (const removable of ['0\n', '1\n']) {
      const files = disk('sda', lent, { removable }, { vendor, model, type: '0\n' });
      expect((await only({ ...files, ...product(name) })).virtual_media).toBe(true);
    }
  });

  it('takes the card slot of a board behind its BMC for no lent media', async () => {
    const model = 'Internal SD-CARD';
    const files = disk('sda', lent, {}, { vendor: 'HP iLO', model, type: '0\n' });
    expect((await only({ ...files, ...product('HP iLO Internal SD-CARD') })).virtual_media).toBe(
      false,
    );
  });

  it('takes a USB stick for no media of a BMC', async () => {
    const files = disk('sda', lent, {}, { vendor: 'SanDisk', model: 'Ultra', type: '0\n' });
    expect((await only({ ...files, ...product('Ultra') })).virtual_media).toBe(false);
  });

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

  const scsi = 'pci0000:00/0000:00:15.0/host0/target0:0:0/0:0:0:0';

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
  ])('skips a disk of software at %s', async (device) => {
    expect(await read('disks', disk('sda', device))).toEqual([]);
  });

  it('takes the zeros of a memory card for no serial number', async () => {
    const card = { serial: '0x00000000\n', cid: '0\n', name: 'SD\n' };
    const files = disk('mmcblk0', 'platform/mmc_host/mmc0/mmc0:0001', {}, card);
    expect((await only(files)).serial).toBeNull();
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

  it('reads an NVMe disk whose model is not cut', async () => {
    const of = {
      model: 'SAMSUNG MZQL21T9HCJR-00A07   \n',
      serial: 'S64GNE0R\n',
      transport: 'pcie\n',
    };
    const own = { wwid: 'eui.0025385\n', 'queue/rotational': '0\n' };
    expect(await only(disk('nvme0n1', nvme, own, of))).toMatchObject({
      model: 'SAMSUNG MZQL21T9HCJR-00A07',
      serial: 'S64GNE0R',
      wwn: 'eui.0025385',
      type: 'nvme',
      transport: 'nvme',
    });
  });

  it('names the fabric of an NVMe disk', async () => {
    const own = disk('nvme0n1', nvme, {}, { transport: 'tcp\n' });
    const subsystem = 'virtual/nvme-subsystem/nvme-subsys1';
    const multipath = disk('nvme1n1', subsystem, {}, { 'nvme4/transport': 'rdma\n' });
    const found = await read('disks', { ...own, ...multipath });
    expect(found.map(({ transport }) => transport)).toEqual(['nvme-tcp', 'nvme-rdma']);
  });

  it('reads the serial number of virtio, and does not believe its rotational', async () => {
    const virtio = 'pci0000:00/0000:00:04.0/virtio1';
    expect(await only(disk('vda', virtio, { serial: 'root-disk' }))).toMatchObject({
      serial: 'root-disk',
      transport: 'virtio',
      type: null,
    });
  });

  it.each([
    ['padded right', 'WD-1234    '],
    ['padded left', '    WD-1234'],
    ['padded with NULs', 'WD-1234\0\0'],
  ])('reads a serial number from VPD page 80, %s', async (_, text) => {
    const files = disk('sda', ata, {}, { vpd_pg80: vpd(0x80, text) });
    expect((await only(files)).serial).toBe('WD-1234');
  });

  it.each([
    ['SCSI_IDENT_SERIAL', 'A'],
    ['ID_SCSI_SERIAL', 'B'],
    ['ID_SERIAL_SHORT', 'C'],
    ['ID_SERIAL', 'D'],
  ])("takes udev's %s before what follows it", async (first, serial) => {
    const all = {
      SCSI_IDENT_SERIAL: 'A',
      ID_SCSI_SERIAL: 'B',
      ID_SERIAL_SHORT: 'C',
      ID_SERIAL: 'D',
    };
    const from = Object.keys(all).indexOf(first);
    const lines = Object.entries(all)
      .slice(from)
      .map(([key, value]) => `E:${key}=${value}`);
    const udev = { '/run/udev/data/b8:0': lines.toReversed().join('\n') };
    expect((await only({ ...disk('sda', ata, { dev: '8:0\n' }), ...udev })).serial).toBe(serial);
  });

  it.each([
    [
      'ID_MODEL_ENC',
      'E:ID_MODEL_ENC=Samsung\\x20SSD\\x20860\\x20EVO\\x20\\x20',
      'Samsung SSD 860 EVO',
    ],
    [
      'what continues it in ID_SERIAL',
      'E:ID_SERIAL=Samsung_SSD_860_EVO_1TB_S1\nE:ID_SERIAL_SHORT=S1',
      'Samsung SSD 860 EVO 1TB',
    ],
    [
      'the kernel, where ID_SERIAL is of another kind',
      'E:ID_SERIAL=35000c500\nE:ID_SERIAL_SHORT=5000c500',
      'Samsung SSD 860',
    ],
  ])('takes the model from %s', async (_, udev, model) => {
    const files = {
      ...disk('sda', ata, { dev: '8:0\n' }, { model: 'Samsung SSD 860 \n' }),
      '/run/udev/data/b8:0': udev,
    };
    expect((await only(files)).model).toBe(model);
  });

  it('reads the whole model from the ATA page of VPD where there is no udev', async () => {
    const page = Buffer.alloc(572);
    page[1] = 0x89;
    const put = (text: string, word: number, words: number): void => {
      Buffer.from(text.padEnd(words * 2))
        .swap16()
        .copy(page, 60 + word * 2);
    };
    put('S3Z2NB0K1234', 10, 10);
    put('Samsung SSD 860 EVO 500GB', 27, 20);
    const files = disk(
      'sda',
      ata,
      {},
      { vpd_pg89: new Uint8Array(page), model: 'Samsung SSD 860 \n' },
    );
    expect(await only(files)).toMatchObject({
      model: 'Samsung SSD 860 EVO 500GB',
      serial: 'S3Z2NB0K1234',
    });
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
    ['vendor AMI', { vendor: 'AMI     ', model: 'Something' }],
    ['its name', { model: 'Virtual HDisk0' }],
    ['the name of a Dell iDRAC', { model: 'LCDRIVE' }],
    ['the name of a virtual CD', { model: 'Virtual CDROM0' }],
  ])('marks media that a BMC lends, by %s', async (_, of) => {
    const usb = 'pci0000:00/0000:00:14.0/usb1/1-14/1-14:1.0/host6/target6:0:0/6:0:0:0';
    expect((await only(disk('sdz', usb, { removable: '1\n' }, of))).virtual_media).toBe(true);
  });

  it('does not take a USB stick for lent media', async () => {
    const usb = 'pci0000:00/0000:00:14.0/usb1/1-14/1-14:1.0/host6/target6:0:0/6:0:0:0';
    const stick = await only(disk('sdz', usb, { removable: '1\n' }, { model: 'Ultra USB 3.0' }));
    expect(stick).toMatchObject({ virtual_media: false, removable: true, type: null });
  });

  it('names a memory card', async () => {
    const of = { cid: 'aa5859', name: 'SD32G\n', serial: '0xdeadbeef\n' };
    const card = await only(
      disk('mmcblk0', 'pci0000:00/0000:00:02.0/mmc_host/mmc0/mmc0:4567', {}, of),
    );
    expect(card).toMatchObject({ model: 'SD32G', serial: '0xdeadbeef', transport: 'mmc' });
  });

  it('takes the serial number of the USB bridge where the disk tells none', async () => {
    const bridge = '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-14';
    const usb = 'pci0000:00/0000:00:14.0/usb1/1-14/1-14:1.0/host6/target6:0:0/6:0:0:0';
    const files = { [`${bridge}/serial`]: '4C530001\n' };
    expect((await only({ ...disk('sdz', usb), ...files })).serial).toBe('4C530001');
    const own = disk('sdz', usb, {}, { vpd_pg80: vpd(0x80, 'OWN') });
    expect((await only({ ...own, ...files })).serial).toBe('OWN');
  });

  it('marks a read-only disk', async () => {
    expect((await only(disk('sda', ata, { ro: '1\n' }))).read_only).toBe(true);
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
