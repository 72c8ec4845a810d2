import { describe, expect, it } from 'vitest';
import { scrubCredentials } from '../../src/capture/scrub.ts';
import { parseBtrfs, parseHead } from '../../src/probes/installed-os/superblock.ts';
import type { Read } from '../../src/sources/captured/recording.ts';

function scrubbed(asked: Read['asked'], value: string | readonly string[] | Uint8Array): unknown {
  const { outcome } = scrubCredentials({ asked, outcome: { value } });
  return 'value' in outcome ? outcome.value : undefined;
}

describe('a capture never keeps', () => {
  it.each([
    ['dragonfly.token=abc quiet', 'dragonfly.token=removed quiet'],
    ['a=b root_password="two words" c', 'a=b root_password=removed c'],
    ['url=https://me:pw@host/x', 'url=https://removed@host/x'],
    ['rw,username=me,password=pw,vers=3', 'rw,username=me,password=removed,vers=3'],
    ['token=', 'token='],
    ['dragonfly.token=a,b;c&d quiet', 'dragonfly.token=removed quiet'],
    ['"luks.passphrase=two words" quiet', '"luks.passphrase=removed quiet'],
    ['netroot=iscsi:me:pw@10.0.0.1::::iqn.x', 'netroot=iscsi:removed@10.0.0.1::::iqn.x'],
    ['netroot=iscsi:me:pw:in:pwin@10.0.0.1::::iqn.x', 'netroot=iscsi:removed@10.0.0.1::::iqn.x'],
    ['root=cifs:me:pw@host/share cifspass=pw', 'root=cifs:removed@host/share cifspass=removed'],
    ['rd.wifi.psk=pw wpa-psk=pw pass=pw', 'rd.wifi.psk=removed wpa-psk=removed pass=removed'],
    ['snmp_community=public community=x', 'snmp_community=removed community=removed'],
    ['iommu.passthrough=1 bypass=1', 'iommu.passthrough=1 bypass=1'],
    ['keyboard=us monkey=1 keymap=de', 'keyboard=us monkey=1 keymap=de'],
  ])('the credential in "%s"', (text, kept) => {
    expect(scrubbed({ read: 'text', path: '/proc/cmdline' }, text)).toBe(kept);
  });

  it('a credential in the address of the server that a lease has in hex', () => {
    const hex = (text: string): string => Buffer.from(text).toString('hex');
    const asked = { read: 'text', path: '/run/systemd/netif/leases/2' } as const;
    const plain = `ADDRESS=10.0.0.5\nOPTION_224=${hex('http://host/')}\n`;
    expect(scrubbed(asked, plain)).toBe(plain);
    const telling = `DOMAINNAME=lab\nOPTION_224=${hex('http://me:pw@host/?token=t')}\n`;
    expect(scrubbed(asked, telling)).toBe(
      `opt224=${hex('http://removed@host/?token=removed')}\ndomain=lab\n`,
    );
  });

  it('the community string of a BMC', () => {
    const asked = { read: 'exec', tool: 'ipmitool', args: ['lan', 'print'] } as const;
    const text = 'IP Address : 10.0.0.1\nSNMP Community String   : hidden\n';
    expect(scrubbed(asked, text)).toBe(
      'IP Address : 10.0.0.1\nSNMP Community String   : removed\n',
    );
  });

  it('the environment of a process but for its container', () => {
    const environ = 'PATH=/bin\0container=lxc\0DB_SECRET=x\0';
    expect(scrubbed({ read: 'text', path: '/proc/1/environ' }, environ)).toBe('container=lxc\0');
  });

  it('mounts but for those of disks, and nothing of their sources', () => {
    const text =
      '36 35 8:1 / /data rw,relatime shared:1 - ext4 /dev/mapper/web01--vg-data rw\n' +
      '40 35 0:45 / /home rw - nfs4 files.example.net:/home/alice rw,addr=10.0.0.9\n';
    expect(scrubbed({ read: 'text', path: '/proc/self/mountinfo' }, text)).toBe(
      '36 35 8:1 / /data rw - ext4 none rw\n',
    );
  });

  it('the list of processes', () => {
    const names = ['1', '4711', 'cmdline', 'vz'];
    expect(scrubbed({ read: 'list', path: '/proc' }, names)).toEqual(['cmdline', 'vz']);
  });

  it('data of a disk but for what its file system is', () => {
    const uuid = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    const ext = new Uint8Array(4096).fill(0x41);
    ext.set([0x53, 0xef], 1080);
    ext.set(uuid, 1128);
    const xfs = new Uint8Array(4096).fill(0x41);
    xfs.set(Buffer.from('XFSB'));
    const btrfs = new Uint8Array(4096).fill(0x41);
    btrfs.set(Buffer.from('_BHRfS_M'), 64);
    for (const [page, label] of [
      [ext, 1144],
      [xfs, 108],
      [btrfs, 299],
    ] as const)
      page[label] = 0;
    const pages = [
      { page: ext, offset: 0 },
      { page: xfs, offset: 0 },
      { page: btrfs, offset: 65_536 },
    ];
    for (const { page, offset } of pages) {
      const range = { offset, length: page.length };
      const kept = scrubbed({ read: 'bytes', path: '/dev/sda1', range }, page);
      const bytes = kept instanceof Uint8Array ? kept : new Uint8Array();
      expect(parseHead(bytes) ?? parseBtrfs(bytes)).toEqual(parseHead(page) ?? parseBtrfs(page));
      expect(bytes.filter((byte) => byte !== 0).length).toBeLessThan(40);
    }
    const luks = new Uint8Array(4096).fill(0x41);
    luks.set(Buffer.from('LUKS\u00ba\u00be\0\u0001', 'latin1'));
    const header = new Uint8Array(4096);
    header.set(luks.subarray(0, 8));
    header.set(luks.subarray(168, 208), 168);
    header[8] = 1;
    expect(scrubbed({ read: 'bytes', path: '/dev/sda3' }, luks)).toEqual(header);
    const other = scrubbed({ read: 'bytes', path: '/dev/sda' }, new Uint8Array(4096).fill(0x41));
    expect(other).toEqual(new Uint8Array(4096).fill(1, 0, 1));
    const cpuid = new Uint8Array([1, 2, 3]);
    expect(scrubbed({ read: 'bytes', path: '/dev/cpu/0/cpuid' }, cpuid)).toEqual(cpuid);
  });
});
