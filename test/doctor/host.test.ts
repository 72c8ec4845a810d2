import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examineHost } from '../../src/doctor/doctor.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { parseKernelLog } from '../../src/doctor/kernel-log.ts';
import { modulesFor } from '../../src/doctor/modules-alias.ts';
import { openRoot } from '../../src/sources/open.ts';
import { denied } from '../probes/host.ts';
import { MemoryRoot } from '../probes/memory-root.ts';

let top: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'dragonfly-doctor-'));
});
afterEach(() => {
  rmSync(top, { recursive: true });
});

function put(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  }
}
function link(path: string, target: string): void {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  symlinkSync(target, join(top, path));
}

/** A PCI function; a driver only if one is named. */
function pci(address: string, deviceClass: string, id: string, driver?: string): void {
  const [vendor, device] = id.split(':');
  const dir = `sys/devices/pci0000:00/${address}`;
  put({
    [`${dir}/class`]: `0x${deviceClass}\n`,
    [`${dir}/vendor`]: `0x${vendor}\n`,
    [`${dir}/device`]: `0x${device}\n`,
    [`${dir}/modalias`]: `pci:v0000${vendor?.toUpperCase()}d0000${device?.toUpperCase()}sv00008086sd00000001bc02sc00i00\n`,
  });
  if (driver !== undefined) link(`${dir}/driver`, `../../../bus/pci/drivers/${driver}`);
  link(`sys/bus/pci/devices/${address}`, `../../../devices/pci0000:00/${address}`);
}

/** A network port on a PCI function. */
function nic(name: string, address: string, carrier: string | undefined): void {
  const dir = `sys/devices/pci0000:00/${address}/net/${name}`;
  put({ [`${dir}/address`]: '52:54:00:00:00:01\n', [`${dir}/type`]: '1\n' });
  if (carrier !== undefined) put({ [`${dir}/carrier`]: `${carrier}\n` });
  link(`${dir}/device`, `../../../${address}`);
  link(`sys/class/net/${name}`, `../../devices/pci0000:00/${address}/net/${name}`);
}

async function examine(): Promise<Finding[]> {
  return (await examineHost(await openRoot(top))).findings;
}

/** The findings of one check as "verdict: message -> next". */
async function findings(check: string): Promise<string[]> {
  return (await examine())
    .filter((finding) => finding.check === check)
    .map(
      ({ verdict, message, next }) => `${verdict}: ${message}${next === null ? '' : ` -> ${next}`}`,
    );
}

describe('Secure Boot', () => {
  const efivars = '/sys/firmware/efi/efivars';
  const variable = `${efivars}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c`;
  const image = { '/etc/dragonfly-image': '{}' };
  const on = { [variable]: '\x06\0\0\0\x01' };
  const stub = { [`${efivars}/StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`]: 'x' };

  it.each([
    ['off', { ...image, [variable]: '\x06\0\0\0\0' }, 'nothing'],
    ['on, on an installed system', on, 'pass on'],
    ['on, in an image from the network', { ...image, ...on }, 'warn on, for loader and kernel;'],
    [
      'on, in a unified image',
      { ...image, ...on, ...stub },
      'pass on, for the kernel, the initramfs',
    ],
  ])('is %s', async (_name, files, said) => {
    const { findings: all } = await examineHost(MemoryRoot.of(files));
    const found = all.find(({ check }) => check === 'Secure Boot');
    expect(found === undefined ? 'nothing' : `${found.verdict} ${found.message}`).toContain(said);
  });
});

describe('the doctor', () => {
  it('finds on an empty machine what every machine needs', async () => {
    const failed = (await examine()).filter((finding) => finding.verdict === 'fail');
    expect(failed.map((finding) => finding.check)).toEqual(['wired NIC', 'disks']);
    expect(failed.every((finding) => finding.next !== null)).toBe(true);
  });

  it('does not say that there is none of what it may not look for', async () => {
    const refused = (path: string) => ({ [path]: denied(path) });
    const root = MemoryRoot.of({ ...refused('/sys/class/net'), ...refused('/sys/block') });
    const failed = (await examineHost(root)).findings.filter(({ verdict }) => verdict === 'fail');
    expect(failed.map(({ check, message }) => `${check} ${message}`)).toEqual([
      'wired NIC could not be determined',
      'disks could not be determined',
    ]);
  });

  it('asks for root', async () => {
    put({ 'proc/self/status': 'Name:\tnode\nUid:\t1000\t1000\t1000\t1000\n' });
    expect(await findings('root rights')).toEqual([
      'fail: it runs as user 1000 -> run it as root: only root can read serial numbers and the UUID',
    ]);
    put({ 'proc/self/status': 'Uid:\t0\t0\t0\t0\n' });
    expect(await findings('root rights')).toEqual(['pass: it runs as root']);
  });

  it('calls a placeholder UUID one', async () => {
    put({ 'sys/class/dmi/id/product_uuid': '03000200-0400-0500-0006-000700080009\n' });
    expect(await findings('UUID')).toEqual([
      "warn: 03000200-0400-0500-0006-000700080009: placeholder shared by many machines -> set it with the board vendor's tool; until then the MACs identify it",
    ]);
  });

  it('says when the machine has no address of its own, and what it is known by', async () => {
    pci('0000:00:03.0', '020000', '8086:1533', 'igb');
    nic('eth0', '0000:00:03.0', '1');
    expect(await findings('MAC')).toEqual([]);
    put({ 'sys/class/net/eth0/addr_assign_type': '1\n' });
    expect((await findings('MAC'))[0]).toMatch(
      /^fail: the machine has no address of its own: 52:54:00:00:00:01 of eth0 was made up by the kernel at this boot, and nothing else identifies it -> give/,
    );
    put({ 'sys/class/dmi/id/product_uuid': '4c4c4544-0051-3510-8052-b4c04f4a3132\n' });
    expect((await findings('MAC'))[0]).toMatch(/^warn: .*; it is known by its UUID -> keep/);
  });

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

  it('tells a missing link from a port that is switched off', async () => {
    pci('0000:00:03.0', '020000', '8086:1533', 'igb');
    nic('eth0', '0000:00:03.0', '0');
    expect((await findings('link'))[0]).toMatch(/^fail: eth0 has no link -> check the cable/);
    rmSync(join(top, 'sys/class/net/eth0/carrier'));
    expect((await findings('link'))[0]).toMatch(/^fail: eth0 is switched off -> switch one on/);
  });

  it('suspects spanning tree when there is no address soon after the link', async () => {
    pci('0000:00:03.0', '020000', '8086:1533', 'igb');
    nic('eth0', '0000:00:03.0', '1');
    put({
      'dmesg.txt':
        '[    2.0] igb 0000:00:03.0 eth0: added\n[    2.5] eth0: hello\n[    5.5] igb 0000:00:03.0 eth0: igb: eth0 NIC Link is Up 1000 Mbps\n[    5.6] eth0: link becomes ready\n',
      'proc/net/fib_trie':
        'Local:\n  |-- 127.0.0.1\n     /32 host LOCAL\n  |-- 169.254.7.7\n     /32 host LOCAL\n',
      'proc/uptime': '20.6 10.0\n',
    });
    expect((await findings('address'))[0]).toBe(
      'fail: only link-local addresses; the link of eth0 came up 15 s ago (3.6 s after its driver) -> wait: a switch port with spanning tree passes traffic 50 s after its link; make it an edge port (portfast)',
    );
    put({ 'proc/uptime': '600.0 10.0\n' });
    expect((await findings('address'))[0]).toMatch(
      /-> check whether the DHCP server sees the request/,
    );
  });

  it.each([
    ['i40e', 'disable-fw-lldp : off', 'disable-fw-lldp on'],
    ['ice', 'fw-lldp-agent   : on', 'fw-lldp-agent off'],
    ['i40e', 'disable-fw-lldp : on', undefined],
    ['ice', 'fw-lldp-agent   : off', undefined],
    ['igb', 'legacy-rx       : off', undefined],
  ])('on %s with "%s" names the command that frees LLDP: %s', async (driver, flag, command) => {
    const device = '/sys/devices/pci0000:00/0000:00:03.0';
    const root = MemoryRoot.of(
      {
        '/sys/class/net/eth0': { link: `${device}/net/eth0` },
        [`${device}/net/eth0/device`]: { link: device },
        [`${device}/net/eth0/type`]: '1\n',
        [`${device}/net/eth0/address`]: '52:54:00:00:00:01\n',
        [`${device}/uevent`]: `DRIVER=${driver}\n`,
      },
      { 'ethtool --show-priv-flags eth0': `Private flags for eth0:\n${flag}\n` },
    );
    const found = (await examineHost(root)).findings.filter(({ check }) => check === 'LLDP');
    expect(found.map(({ next }) => next)).toEqual(
      command === undefined
        ? []
        : [`unless storage or DCB need it there: ethtool --set-priv-flags eth0 ${command}`],
    );
  });

  it('misses a default route', async () => {
    put({ 'proc/net/route': 'Iface\tDestination\n', 'proc/net/ipv6_route': '' });
    expect((await findings('route'))[0]).toMatch(/^warn: no default route/);
    put({
      'proc/net/route': 'Iface\neth0\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n',
    });
    expect(await findings('route')).toEqual(['pass: default over eth0 via 10.0.2.1']);
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

  it('warns of a machine-id that is not set, but not in a netboot image', async () => {
    put({ 'etc/machine-id': 'uninitialized\n', 'proc/mounts': '/dev/sda1 / ext4 rw 0 0\n' });
    expect((await findings('machine-id'))[0]).toMatch(/^warn: uninitialized.* -> make one/);
    put({ 'proc/mounts': 'tmpfs / tmpfs rw 0 0\n' });
    expect((await findings('machine-id'))[0]).toMatch(/^pass: this is a netboot image/);
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

describe('the kernel log', () => {
  it('gives the last time that a link came up', () => {
    const { links } = parseKernelLog(
      '[    1.0] tg3 0000:01:00.0 eth0: Tigon3\n[    4.0] tg3 0000:01:00.0 eth0: Link is up at 1000 Mbps\n[   90.0] tg3 0000:01:00.0 eth0: Link is up at 1000 Mbps\n',
    );
    expect(links.get('eth0')).toEqual({ firstSeconds: 1, upSeconds: 90 });
  });
});
