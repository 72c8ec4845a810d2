import { describe, expect, it } from 'vitest';
import { findPlanned, findUnplanned } from '../../../src/actions/disk/target.ts';
import { diskAt } from '../workplace.ts';

const size = { size_bytes: 1_000_204_886_016 };
const sda = diskAt('/dev/sda', { serial: 'S1', wwn: 'naa.1', ...size });
const sdb = diskAt('/dev/sdb', { serial: 'S2', wwn: 'naa.2', ...size });
const usb = diskAt('/dev/sdc', { serial: 'U', transport: 'usb', ...size });
const planned = ({ device, serial, wwn, size_bytes: bytes, model }: typeof sda) => ({
  device,
  serial,
  wwn,
  size_bytes: bytes,
  model,
});

describe('the planned disk', () => {
  it('is found under another name', () => {
    const moved = [
      diskAt('/dev/sda', { ...sdb, device: '/dev/sda' }),
      { ...sda, device: '/dev/sdb' },
    ];
    expect(findPlanned(planned(sda), moved).device).toBe('/dev/sdb');
  });

  it.each([
    ['has another serial', { ...sda, serial: 'S9' }],
    ['has another WWN', { ...sda, wwn: 'naa.9' }],
    ['has another size', { ...sda, size_bytes: 500_107_862_016 }],
    ['is read-only', { ...sda, read_only: true }],
    ['is host-managed zoned', { ...sda, zoned: 'host-managed' }],
    ['is virtual media', { ...sda, virtual_media: true }],
  ])('is refused when it %s', (_, found) => {
    expect(() => findPlanned(planned(sda), [found, sdb])).toThrow('Nothing was written');
  });

  it('is refused when two look like it', () => {
    const plan = { ...planned(sda), wwn: null };
    expect(() => findPlanned(plan, [sda, { ...sdb, serial: 'S1' }])).toThrow(
      '2 disks look like it',
    );
  });

  it('is the right one of two namespaces, which have the serial of their controller', () => {
    const first = { ...sda, device: '/dev/nvme0n1', wwn: 'eui.1' };
    const second = { ...sda, device: '/dev/nvme0n2', wwn: 'eui.2' };
    for (const namespace of [first, second]) {
      for (const disks of [
        [first, second],
        [second, first],
      ]) {
        expect(findPlanned(planned(namespace), disks)).toBe(namespace);
      }
      expect(() => findPlanned({ ...planned(namespace), wwn: null }, [first, second])).toThrow(
        '2 disks look like it',
      );
    }
    const larger = { ...second, wwn: null, size_bytes: 2 * size.size_bytes };
    expect(findPlanned(planned(larger), [{ ...first, wwn: null }, larger])).toBe(larger);
  });

  it('is one disk by however many paths', () => {
    const paths = ['/dev/sda', '/dev/sdd'];
    const both = [
      { ...sda, device: '/dev/sdd', paths },
      { ...sda, paths },
    ];
    expect(findPlanned(planned(sda), both).device).toBe('/dev/sda');
    expect(findPlanned({ ...planned(sda), device: '/dev/sdx' }, both).device).toBe('/dev/sdd');
  });

  it('that another one looks like is taken in the boot alone in which it was planned', () => {
    const plan = { ...planned(diskAt('/dev/vda', { serial: null })), boot_id: 'a' };
    const twins = ['/dev/vda', '/dev/vdb'].map((device) => diskAt(device, { serial: null }));
    expect(findPlanned(plan, twins, 'a')).toBe(twins[0]);
    expect(() => findPlanned(plan, twins, 'b')).toThrow('started anew since; plan it again');
    expect(findPlanned({ ...plan, boot_id: null }, twins, 'b')).toBe(twins[0]);
  });

  it('without serial and WWN is refused when another one looks the same since', () => {
    const vda = diskAt('/dev/vda', { serial: null });
    const vdb = diskAt('/dev/vdb', { serial: null });
    expect(() => findPlanned(planned(vda), [vda, vdb])).toThrow('/dev/vdb looks the same now');
    const paths = ['/dev/vda', '/dev/vdb'];
    expect(findPlanned(planned(vda), [{ ...vda, paths }, vdb]).device).toBe('/dev/vda');
    expect(findPlanned(planned(vda), [vda, { ...vdb, size_bytes: 1 }])).toBe(vda);
  });

  it('without serial and WWN must be at its place with its size and model', () => {
    const vda = diskAt('/dev/vda', { serial: null, model: null, ...size });
    const plan = planned(vda);
    expect(findPlanned(plan, [vda, sda]).device).toBe('/dev/vda');
    for (const other of [
      { ...vda, device: '/dev/vdb' },
      { ...vda, model: 'QEMU' },
      { ...vda, size_bytes: 1 },
      { ...vda, serial: 'new' },
    ]) {
      expect(() => findPlanned(plan, [other])).toThrow('it is not here');
    }
  });
});

describe('without a plan', () => {
  it('auto is the only disk that there is', () => {
    expect(findUnplanned({ disk: 'auto' }, [usb, sda]).device).toBe('/dev/sda');
    expect(findUnplanned({}, [sda]).device).toBe('/dev/sda');
    expect(() => findUnplanned({ disk: 'auto' }, [sda, sdb])).toThrow('several disks');
    expect(() => findUnplanned({ disk: 'auto' }, [usb])).toThrow('no disk to install to');
  });

  it('hints mean nothing', () => {
    expect(() => findUnplanned({ root_device: { serial: 'S1' } }, [sda])).toThrow('by hints');
  });

  it('a named disk must be here and fit to be installed to', () => {
    expect(findUnplanned({ disk: '/dev/sdb' }, [sda, sdb]).device).toBe('/dev/sdb');
    expect(() => findUnplanned({ disk: '/dev/sdz' }, [sda])).toThrow('no disk /dev/sdz');
    for (const no of [
      usb,
      { ...sda, removable: true },
      { ...sda, virtual_media: true },
      { ...sda, read_only: true },
      { ...sda, zoned: 'host-managed' },
    ]) {
      expect(() => findUnplanned({ disk: no.device }, [no])).toThrow('is not a disk to install to');
    }
  });
});
