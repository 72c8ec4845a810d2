// Media that a BMC lends, and what only looks like one.
import { describe, expect, it } from 'vitest';
import { disk, only } from './disk.ts';

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
    ['SUN', 'Remote ISO CDROM', 'Device'],
    ['Intel', 'KVM VMedia', 'Device'],
    ['Lenovo', 'RDOC_1', 'Device'],
    ['Generic', 'USB Disk', 'Nuvoton BMC'],
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
});
