import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { examineHost } from '../../src/doctor/doctor.ts';
import { parseKernelLog } from '../../src/doctor/kernel-log.ts';
import { denied } from '../probes/host.ts';
import { MemoryRoot } from '../probes/memory-root.ts';
import { top, put, link, pci, examine, findings } from './examined.ts';

/** A network port on a PCI function. */
function nic(name: string, address: string, carrier: string | undefined): void {
  const dir = `sys/devices/pci0000:00/${address}/net/${name}`;
  put({ [`${dir}/address`]: '52:54:00:00:00:01\n', [`${dir}/type`]: '1\n' });
  if (carrier !== undefined) put({ [`${dir}/carrier`]: `${carrier}\n` });
  link(`${dir}/device`, `../../../${address}`);
  link(`sys/class/net/${name}`, `../../devices/pci0000:00/${address}/net/${name}`);
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

  it('warns of a machine-id that is not set, but not in a netboot image', async () => {
    put({ 'etc/machine-id': 'uninitialized\n', 'proc/mounts': '/dev/sda1 / ext4 rw 0 0\n' });
    expect((await findings('machine-id'))[0]).toMatch(/^warn: uninitialized.* -> make one/);
    put({ 'proc/mounts': 'tmpfs / tmpfs rw 0 0\n' });
    expect((await findings('machine-id'))[0]).toMatch(/^pass: this is a netboot image/);
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
