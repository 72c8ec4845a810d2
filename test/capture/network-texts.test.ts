import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeAddress, fakeIpv4 } from '../../src/capture/fake-addresses.ts';
import { Fakes } from '../../src/capture/fakes.ts';
import { rewriteNetworkText } from '../../src/capture/network-texts.ts';
import { parseLan6Print } from '../../src/probes/bmc.ts';
import { ipv4Number, scopeOf } from '../../src/probes/network/ip-address.ts';

const fakes = new Fakes(['any', 'secrets', 'x'.repeat(48)], () => true);

function rewrite(path: string, text: string): string {
  return rewriteNetworkText({ read: 'text', path }, text, fakes) ?? 'untouched';
}

const ipv4 = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
  .map((octets) => octets.join('.'));

/** The number of leading bits that two addresses share. */
function common(a: string, b: string): number {
  return Math.clz32(ipv4Number(a) ^ ipv4Number(b));
}

function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(address);
}

describe('a kernel command line', () => {
  it('keeps none of the names of volume groups, in either spelling, and what they are for', () => {
    const line = rewrite(
      '/proc/cmdline',
      'root=/dev/mapper/web--01--vg-root rd.lvm.lv=web-01-vg/root rd.lvm.vg=web-01-vg resume=/dev/web-01-vg/swap md=/dev/md/web-01:0 x=/dev/sda1 y=/dev/disk/by-label/x',
    );
    expect(line).not.toMatch(/web/);
    const [, group = ''] = /rd\.lvm\.lv=(\w+-\w+-\w+)\/root/.exec(line) ?? [];
    expect(line).toContain(`rd.lvm.vg=${group} `);
    expect(line).toContain(`root=/dev/mapper/${group.replaceAll('-', '--')}-root `);
    expect(line).toContain(`resume=/dev/${group}/swap `);
    expect(line).toContain('x=/dev/sda1 y=/dev/disk/by-label/x');
  });
});

describe('the address of a BMC', () => {
  const printed = (args: readonly string[], text: string): string =>
    rewriteNetworkText({ read: 'exec', tool: 'ipmitool', args: [...args] }, text, fakes) ?? text;

  it('is replaced whatever channel it is of, in IPv6 too', () => {
    const lan = printed(['lan', 'print', '8'], 'IP Address : 203.0.113.7\n');
    expect(lan).toMatch(/^IP Address : (?!203\.0\.113\.7)[\d.]+\n$/);
    const text = '    Address:  2001:db8:7::44/64\n    Status:   active\n';
    const lan6 = printed(['lan6', 'print', '1'], text);
    expect(lan6).not.toContain('2001:db8:7::44');
    expect(parseLan6Print(lan6)).toMatch(/^20/);
  });
});

describe('the fake of an address', () => {
  it('shares as many bits with another fake as the addresses do', () => {
    fc.assert(
      fc.property(ipv4, ipv4, fc.nat(32), (a, other, bits) => {
        const mask = bits === 0 ? 0 : -1 << (32 - bits);
        const near = ((ipv4Number(a) & mask) | (ipv4Number(other) & ~mask)) >>> 0;
        const b = [24, 16, 8, 0].map((shift) => (near >>> shift) & 0xff).join('.');
        expect(common(fakeIpv4(a, fakes), fakeIpv4(b, fakes))).toBe(common(a, b));
      }),
    );
  });

  it('reaches as far, is private if the address is, and differs from a public one', () => {
    fc.assert(
      fc.property(ipv4, (address) => {
        const fake = fakeIpv4(address, fakes);
        expect([scopeOf(fake), isPrivate(fake)]).toEqual([scopeOf(address), isPrivate(address)]);
      }),
    );
    for (const address of ['8.8.4.4', '203.0.113.7', '10.20.30.40', '192.168.7.1']) {
      expect(fakeIpv4(address, fakes)).not.toBe(address);
    }
  });

  it('leaves what stands for no host', () => {
    for (const address of ['0.0.0.0', '255.255.255.0', '127.0.0.53', '224.0.0.1', '::', '::1']) {
      expect(fakeAddress(address, fakes)).toBe(address);
    }
    expect(fakeAddress('52:54:00:00:00:01', fakes)).toBeUndefined();
  });

  it('of IPv6 keeps its kind, its zeros and the vendor of a MAC in it', () => {
    expect(fakeAddress('fe80::5054:ff:fe00:1', fakes)).toMatch(/^fe80::5054:ff:fe[0-9a-f:]+$/);
    expect(fakeAddress('fd00:7::1', fakes)).toMatch(/^fd[0-9a-f]{2}:[0-9a-f]+::[0-9a-f]+$/);
    expect(scopeOf(fakeAddress('2001:db8::1', fakes) ?? '')).toBe('global');
  });
});

describe('the kernel command line', () => {
  it('keeps its parameters without the addresses and hosts in them', () => {
    const text = rewrite(
      '/proc/cmdline',
      'BOOT_IMAGE=/boot/vmlinuz-6.12.0-1.el9.x86_64 quiet console=ttyS0,115200n8 pci=0000:03:00.0 ' +
        'ip=203.0.113.5::203.0.113.1:255.255.255.0:node7:eth0:off dragonfly.url=https://boot.lab.example:3000/x ' +
        'nfsroot=storage:/srv systemd.hostname=node7 netroot=iscsi:san.example::::iqn.2001-04.com.example:disk7\n',
    );
    expect(text).toContain('BOOT_IMAGE=/boot/vmlinuz-6.12.0-1.el9.x86_64 quiet');
    expect(text).toContain('console=ttyS0,115200n8 pci=0000:03:00.0 ip=');
    expect(text).toMatch(/:255\.255\.255\.0:[a-z]{4}\d:eth0:off /);
    expect(text).toMatch(/dragonfly\.url=https:\/\/[a-z]{4}\.[a-z]{3}\.[a-z]{7}:3000\/x /);
    for (const secret of ['203.0.113.5', 'node7', 'lab', 'storage', 'san', 'disk7', 'com.']) {
      expect(text).not.toContain(secret);
    }
  });
});

describe('a text about the network', () => {
  it('keeps nothing that no probe reads', () => {
    const resolv = rewrite(
      '/etc/resolv.conf',
      '# made by anna\noptions edns0\nnameserver 127.0.0.53\n',
    );
    expect(resolv).toBe('nameserver 127.0.0.53\n');
    expect(rewrite('/var/lib/dhcp/x.leases', 'lease {\n  option host-name "anna";\n}\n')).toBe(
      'lease {\n}\n',
    );
    const asked = { read: 'exec', tool: 'ipmitool', args: ['lan', 'print'] } as const;
    const output = 'IP Address : 0.0.0.0\nDefault Gateway IP : 203.0.113.1\n';
    expect(rewriteNetworkText(asked, output, fakes)).toBe('');
    expect(rewrite('/etc/hostname', 'anna')).toBe('untouched');
  });

  it('survives any text', () => {
    const paths = ['/proc/cmdline', '/proc/net/fib_trie', '/proc/net/route', '/proc/net/if_inet6'];
    const more = ['/etc/resolv.conf', '/run/dragonfly/lease', '/var/lib/dhclient/x'];
    fc.assert(
      fc.property(
        fc.constantFrom(...paths, ...more),
        fc.string({ unit: 'binary' }),
        (path, text) => {
          expect(typeof rewrite(path, text)).toBe('string');
        },
      ),
    );
    const long = 'a.'.repeat(100_000) + ':'.repeat(100_000) + '1.'.repeat(100_000);
    expect(typeof rewrite('/proc/cmdline', long)).toBe('string');
  });
});
