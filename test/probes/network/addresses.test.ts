import { describe, expect, it } from 'vitest';
import {
  parseFibTrie,
  parseIfInet6,
  parseIpAddress,
} from '../../../src/probes/network/addresses.ts';
import type { Entry } from '../memory-root.ts';
import { codes, denied, probe, read } from '../host.ts';

/** A leaf of fib_trie for each address of the host, as the kernel prints them. */
function trie(...addresses: string[]): string {
  const leaves = ['127.0.0.1', ...addresses].map((a) => `     |-- ${a}\n        /32 host LOCAL\n`);
  return `Main:\n  +-- 0.0.0.0/0 3 0 5\n${leaves.join('')}Local:\n${leaves.join('')}`;
}

/** Rows of /proc/net/route: "eth0 0002000A 00FFFFFF" is the network 10.0.2.0/24. */
function routes(...rows: string[]): string {
  const lines = rows.map((row) => {
    const [name, destination, mask, gateway = '00000000'] = row.split(' ');
    return `${name}\t${destination}\t${gateway}\t0001\t0\t0\t0\t${mask}\t0\t0\t0\n`;
  });
  return `Iface\tDestination\tGateway\n${lines.join('')}`;
}

function host(more: Record<string, Entry> = {}): Record<string, Entry> {
  return {
    '/proc/net/fib_trie': trie('10.0.2.15', '192.168.7.1'),
    '/proc/net/if_inet6':
      '00000000000000000000000000000001 01 80 10 80       lo\n' +
      'fe80000000000000505400fffe000001 02 40 20 80     eth0\n' +
      '20010db8000000000000000000000001 02 40 00 80     eth0\n',
    '/proc/net/route': routes(
      'eth0 00000000 00000000 0202000A',
      'eth0 0002000A 00FFFFFF',
      'br0 0000A8C0 0000FFFF',
    ),
    '/sys/class/net/lo/operstate': 'unknown\n',
    '/sys/class/net/eth0/address': '52:54:00:00:00:01\n',
    '/sys/class/net/eth0/operstate': 'up\n',
    '/sys/class/net/br0/address': '52:54:00:AB:00:02\n',
    '/sys/class/net/br0/operstate': 'down\n',
    ...more,
  };
}

/** "address interface" of each. */
async function held(files: Record<string, Entry>, commands: Record<string, Entry> = {}) {
  const found = await read('addresses', files, commands);
  return found.map((one) => `${one.address} ${one.interface}`);
}

describe("the host's addresses", () => {
  it('have their port, its MAC, whether it has a link, and how far they reach', async () => {
    const mac = '52:54:00:00:00:01';
    const eth0 = { interface: 'eth0', mac, is_up: true };
    const lo = { interface: 'lo', mac: null, is_up: true, scope: 'host' };
    expect(await read('addresses', host())).toEqual([
      { address: '127.0.0.1', ...lo },
      { address: '10.0.2.15', ...eth0, scope: 'global' },
      {
        address: '192.168.7.1',
        interface: 'br0',
        mac: '52:54:00:ab:00:02',
        is_up: false,
        scope: 'global',
      },
      { address: '::1', ...lo },
      { address: 'fe80::5054:ff:fe00:1', ...eth0, scope: 'link' },
      { address: '2001:db8::1', ...eth0, scope: 'global' },
    ]);
  });

  it('are not known where the kernel tells neither kind, and none where it tells that', async () => {
    const { found, problems } = await probe('addresses', { '/proc/net/fib_trie': denied() });
    expect([found, codes(problems)]).toEqual([undefined, ['read.denied /proc/net/fib_trie']]);
    expect(await read('addresses', { '/proc/net/if_inet6': '' })).toEqual([]);
  });

  it('are asked of `ip` where two ports are in one network', async () => {
    const files = host({
      '/proc/net/fib_trie': trie('10.0.2.15', '10.0.2.16'),
      '/proc/net/if_inet6': '',
      '/proc/net/route': routes('eth0 0002000A 00FFFFFF', 'eth1 0002000A 00FFFFFF'),
    });
    expect(await held(files)).toEqual(['127.0.0.1 lo', '10.0.2.15 null', '10.0.2.16 null']);
    const output =
      '1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n' +
      '2: eth0    inet 10.0.2.16/24 brd 10.0.2.255 scope global eth0\\       valid_lft forever\n' +
      '3: eth1    inet 10.0.2.15/24 brd 10.0.2.255 scope global eth1\\       valid_lft forever\n';
    expect(await held(files, { 'ip -o -4 address': output })).toEqual([
      '127.0.0.1 lo',
      '10.0.2.16 eth0',
      '10.0.2.15 eth1',
    ]);
  });

  it("are asked of `ip` where a port has several, of which a cluster's may be the lowest", async () => {
    const files = host({
      '/proc/net/fib_trie': trie('10.0.2.3', '10.0.2.15'),
      '/proc/net/if_inet6': '',
    });
    const output =
      '2: eth0    inet 10.0.2.15/24 scope global eth0\n2: eth0    inet 10.0.2.3/32 scope global eth0\n';
    expect(await held(files, { 'ip -o -4 address': output })).toEqual([
      '10.0.2.15 eth0',
      '10.0.2.3 eth0',
    ]);
    const { root } = await probe('addresses', host());
    expect(root.asked).not.toContain('ip -o -4 address');
  });

  it('belong to the port with the narrowest network around them', async () => {
    const files = host({
      '/proc/net/fib_trie': trie('10.0.2.15', '10.9.0.1'),
      '/proc/net/if_inet6': '',
      '/proc/net/route': routes('eth0 0002000A 00FFFFFF', 'tun0 0000000A 000000FF'),
    });
    expect(await held(files)).toEqual(['127.0.0.1 lo', '10.0.2.15 eth0', '10.9.0.1 tun0']);
  });
});

describe('the files of the kernel', () => {
  it('fib_trie gives what it calls local, each once', () => {
    const text =
      '     |-- 10.0.2.15\n        /32 link UNICAST\n        /32 host LOCAL\n     |-- 10.0.2.255\n        /32 link BROADCAST\n     |-- 127.0.0.0\n        /8 host LOCAL\n';
    expect(parseFibTrie(text + text)).toEqual(['10.0.2.15']);
  });

  it('if_inet6 gives usable addresses, lasting ones before temporary and deprecated ones', () => {
    const line = (last: string, flags: string) =>
      `20010db800000000000000000000000${last} 02 40 00 ${flags}     eth0\n`;
    const text =
      line('1', '20') + line('2', '01') + line('3', '40') + line('4', '88') + line('5', '80');
    expect(parseIfInet6(text).map(({ address }) => address)).toEqual([
      '2001:db8::5',
      '2001:db8::2',
      '2001:db8::1',
    ]);
  });

  it('ip gives the port of an address with a peer, and of a VLAN', () => {
    const text =
      '4: tun0    inet 10.8.0.1 peer 10.8.0.2/32 scope global tun0\n5: eth0.7@eth0    inet 10.7.0.1/24 scope global eth0.7\n';
    expect(parseIpAddress(text)).toEqual([
      { address: '10.8.0.1', interface: 'tun0' },
      { address: '10.7.0.1', interface: 'eth0.7' },
    ]);
  });
});
