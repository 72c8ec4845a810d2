// Findings on disks and ports, and the tables they are looked up in.
import { describe, expect, it } from 'vitest';
import { modulesFor } from '../../src/doctor/modules-alias.ts';
import { put, link, pci, findings } from './examined.ts';

describe('the doctor', () => {
  it('names an NVMe drive without a namespace, and one that is dead', async () => {
    put({
      'sys/class/nvme/nvme0/state': 'live\n',
      'sys/class/nvme/nvme0/model': 'PM9A3\n',
      'sys/class/nvme/nvme1/state': 'dead\n',
      'sys/class/nvme/nvme2/state': 'live\n',
      'sys/class/nvme/nvme2/nvme2n1/size': '1\n',
      'sys/class/nvme/nvme3/state': 'live\n',
      'sys/class/nvme/nvme3/nvme3c3n1/size': '1\n',
    });
    expect(await findings('NVMe drive')).toEqual([
      'warn: nvme0 (PM9A3) has no namespace, so it shows no disk -> make one and attach it: nvme create-ns /dev/nvme0, nvme attach-ns /dev/nvme0',
      'warn: nvme1 (model not known) does not answer: its state is "dead" -> power the machine off and on; if it stays so, check slot, cable and drive',
    ]);
  });

  it('names disks behind a dead port, and those given up on', async () => {
    const port = (n: number) => `sys/devices/pci0000:00/ata${n}`;
    for (const n of [1, 2]) {
      put({ [`${port(n)}/link${n}/dev${n}.0/ata_device/dev${n}.0/class`]: 'ata\n' });
      link(
        `sys/class/ata_device/dev${n}.0`,
        `../../devices/pci0000:00/ata${n}/link${n}/dev${n}.0/ata_device/dev${n}.0`,
      );
    }
    put({ [`${port(1)}/host0/target0:0:0/0:0:0:0/block/sda/size`]: '2097152\n' });
    put({ [`${port(1)}/host0/target0:0:0/0:0:0:0/state`]: 'offline\n' });
    link(`${port(1)}/host0/target0:0:0/0:0:0:0/block/sda/device`, '../..');
    link('sys/block/sda', '../devices/pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block/sda');
    put({
      'sys/class/sas_phy/phy-0:0/negotiated_linkrate': '12.0 Gbit\n',
      'sys/class/sas_phy/phy-0:1/negotiated_linkrate': 'Unknown\n',
      'sys/class/sas_phy/phy-0:2/negotiated_linkrate': 'Phy disabled\n',
    });
    expect((await findings('SATA disk'))[0]).toMatch(/^warn: a disk at SATA port ata2 was found/);
    expect(await findings('SATA disk')).toHaveLength(1);
    expect((await findings('SAS port'))[0]).toMatch(/^warn: the SAS port phy-0:2 is dead/);
    expect(await findings('SAS port')).toHaveLength(1);
    expect((await findings('disk'))[0]).toMatch(/^warn: \/dev\/sda does not answer: .*"offline"/);
  });

  it('names the module that a NIC without driver wants', async () => {
    pci('0000:00:03.0', '020000', '8086:1533');
    put({
      'proc/sys/kernel/osrelease': '6.12.0\n',
      'lib/modules/6.12.0/modules.alias':
        'alias pci:v00008086d00001533sv*sd*bc*sc*i* igb\nalias pci:v00008086d00001534sv*sd*bc*sc*i* no\n',
    });
    expect(await findings('NIC driver')).toEqual([
      'fail: 0000:00:03.0 [8086:1533] has no driver -> load its module: modprobe igb',
    ]);
    expect((await findings('wired NIC'))[0]).toMatch(/^fail: none was found -> load the driver/);
  });

  it('says when no module of this kernel serves a NIC', async () => {
    pci('0000:00:03.0', '020000', '8086:1533');
    put({ 'proc/sys/kernel/osrelease': '6.12.0\n', 'lib/modules/6.12.0/modules.alias': '' });
    expect((await findings('NIC driver'))[0]).toContain(
      'this kernel (6.12.0) has no module for pci:v0000',
    );
  });

  it('names the firmware that a driver did not get', async () => {
    pci('0000:00:03.0', '020000', '14e4:1639');
    put({
      'dmesg.txt':
        '[    3.1] bnx2 0000:00:03.0: Direct firmware load for bnx2/bnx2-mips-09-6.2.1b.fw failed with error -2\n',
    });
    expect((await findings('firmware'))[0]).toMatch(
      /asked for bnx2\/bnx2-mips-09-6\.2\.1b\.fw, which is missing: .* -> put/,
    );
    expect((await findings('NIC driver'))[0]).toMatch(/-> put the firmware bnx2\/bnx2-mips/);
  });

  it('finds disks hidden behind a VMD controller without driver', async () => {
    pci('0000:00:0e.0', '010400', '8086:467f');
    put({
      'proc/sys/kernel/osrelease': '6.1.0\n',
      'lib/modules/6.1.0/modules.alias': 'alias pci:v00008086d0000467Fsv*sd*bc*sc*i* vmd\n',
    });
    expect(await findings('disk driver')).toEqual([
      'fail: Intel VMD controller 0000:00:0e.0 [8086:467f] has no driver: its disks are hidden -> load its module: modprobe vmd',
    ]);
    expect((await findings('disks'))[0]).toMatch(/^fail/);
  });

  it('finds NVMe disks hidden by the RAID mode', async () => {
    put({ 'dmesg.txt': '[    1.2] ahci 0000:00:17.0: Found 2 remapped NVMe devices.\n' });
    expect((await findings('disk driver'))[0]).toMatch(/^warn: 2 NVMe disks are hidden .* AHCI/);
  });
});

describe('the module table', () => {
  it('is matched as a shell pattern', () => {
    const table = [
      'alias pci:v00001AF4d00001000sv*sd*bc*sc*i* virtio_pci',
      'alias pci:v*d*sv*sd*bc02sc00i* any_ethernet',
      'alias pci:v00001AF4d0000100?sv*sd*bc*sc*i* questionable',
      'alias usb:v00001AF4d00001000* no',
      'alias pci:v00001AF4d00001000[sv* broken',
      'alias pci:v00001AF4d0000100[0-3]sv*sd*bc*sc*i* one_of',
    ].join('\n');
    const modalias = 'pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00';
    expect(modulesFor(modalias, table)).toEqual([
      'virtio_pci',
      'any_ethernet',
      'questionable',
      'one_of',
    ]);
    expect(modulesFor('', table)).toEqual([]);
  });
});
