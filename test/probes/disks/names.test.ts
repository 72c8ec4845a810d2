// Models and serial numbers of disks, by source.
import { describe, expect, it } from 'vitest';
import { ata, disk, nvme, only, vpd } from './disk.ts';

describe('the disks probe', () => {
  it('takes the zeros of a memory card for no serial number', async () => {
    const card = { serial: '0x00000000\n', cid: '0\n', name: 'SD\n' };
    const files = disk('mmcblk0', 'platform/mmc_host/mmc0/mmc0:0001', {}, card);
    expect((await only(files)).serial).toBeNull();
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

  it.each([
    ['IBM.750000000ABC12.4e00.0a', 'IBM.750000000ABC12.4e00.0a'],
    ['', null],
  ])("takes a mainframe volume's own name %j, and never its label", async (uid, serial) => {
    const volume = disk(
      'dasda',
      'css0/0.0.0005/0.0.0200',
      { dev: '94:0\n' },
      { uid: `${uid}\n`, vendor: 'IBM\n' },
    );
    const udev = { '/run/udev/data/b94:0': 'E:ID_BUS=ccw\nE:ID_SERIAL=0X0200\n' };
    expect(await only({ ...volume, ...udev })).toMatchObject({ serial, vendor: 'IBM' });
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

  it.each([
    ['SD', 'sd'],
    ['MMC', 'mmc'],
  ])('names a memory card of type %s', async (type, transport) => {
    const of = { cid: 'aa5859', name: 'SD32G\n', serial: '0xdeadbeef\n', type: `${type}\n` };
    const card = await only(
      disk('mmcblk0', 'pci0000:00/0000:00:02.0/mmc_host/mmc0/mmc0:4567', {}, of),
    );
    expect(card).toMatchObject({ model: 'SD32G', serial: '0xdeadbeef', transport });
  });

  it('takes the serial number of the USB bridge where the disk tells none', async () => {
    const bridge = '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-14';
    const usb = 'pci0000:00/0000:00:14.0/usb1/1-14/1-14:1.0/host6/target6:0:0/6:0:0:0';
    const files = { [`${bridge}/serial`]: '4C530001\n' };
    expect((await only({ ...disk('sdz', usb), ...files })).serial).toBe('4C530001');
    const own = disk('sdz', usb, {}, { vpd_pg80: vpd(0x80, 'OWN') });
    expect((await only({ ...own, ...files })).serial).toBe('OWN');
  });
});
