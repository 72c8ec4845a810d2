import { describe, expect, it } from 'vitest';
import {
  packet,
  parseDhclientLeases,
  parseKeyValueLease,
  wicked,
} from '../../../src/probes/network/lease-formats.ts';
import { leasePlaces } from '../../../src/probes/network/leases.ts';
import { denied, probe, read } from '../host.ts';

const hex = (text: string): string => Buffer.from(text).toString('hex');

describe('lease files', () => {
  it('are found in the places of every client, and nothing beside them is read', async () => {
    const files = {
      '/run/dragonfly/lease': 'domain=lab.example\n',
      '/run/systemd/netif/leases/2': 'DOMAINNAME=example.net\n',
      '/var/lib/NetworkManager/secret_key': 'hidden',
      '/var/lib/NetworkManager/internal-1-eth0.lease': 'ADDRESS=10.0.0.5\n',
      '/var/lib/dhcp/dhclient.eth0.leases': 'lease {\n  option domain-name "d.example";\n}\n',
    };
    expect(await read('leases', files)).toEqual([
      { source: '/run/dragonfly/lease', domain: 'lab.example' },
      { source: '/run/systemd/netif/leases/2', domain: 'example.net' },
      { source: '/var/lib/NetworkManager/internal-1-eth0.lease' },
      { source: '/var/lib/dhcp/dhclient.eth0.leases', domain: 'd.example' },
    ]);
    expect((await probe('leases', files)).root.asked).not.toContain(
      '/var/lib/NetworkManager/secret_key',
    );
  });

  it('are none where there are none, and not known where no place can be looked at', async () => {
    expect(await read('leases', {})).toEqual([]);
    const files = Object.fromEntries(leasePlaces.map(({ path }) => [path, denied(path)]));
    expect(await probe('leases', files)).toMatchObject({ found: undefined, problems: [] });
  });

  it('of udhcpc have option 224 in hex', () => {
    expect(parseKeyValueLease(`ip=10.0.0.5\nopt224=${hex('http://x:3000')}\ndomain=lab\n`)).toEqual(
      {
        address: '10.0.0.5',
        url: 'http://x:3000',
        domain: 'lab',
      },
    );
  });

  it('of dhclient count by their last lease for each interface, in text or hex', () => {
    const lease = (url: string, name = 'eth0') =>
      `lease {\n  interface "${name}";\n  fixed-address 10.0.0.5;\n  option domain-name "lab.example";\n  option ${url};\n}\n`;
    const bytes = hex('http://new:3000').replaceAll(/(..)(?=.)/g, '$1:');
    const text =
      lease('unknown-224 "http://old:3000"') +
      lease('routers 10.0.0.1', 'eth1') +
      lease(`unknown-224 ${bytes}`);
    const [told] = [{ address: '10.0.0.5', domain: 'lab.example' }];
    expect(parseDhclientLeases(text)).toEqual([{ ...told, url: 'http://new:3000' }, told]);
    expect(parseDhclientLeases(lease('dragonfly-url "http://named:3000"'))).toMatchObject([
      { url: 'http://named:3000' },
    ]);
    expect(parseDhclientLeases('')).toEqual([]);
  });

  it('of dhclient may have several statements on a line, and texts with marks in them', () => {
    const text =
      '# of eth0; lease { }\ndefault-duid "\\000\\001;{";\nlease { interface "eth0"; fixed-address 10.0.0.5; ' +
      'option domain-name "lab.example"; option dragonfly-url "http://x:3000/a;b{\\"c\\"}\\057"; }\n' +
      'lease6 { interface "eth0"; ia-na 00 { iaaddr fd00::1 { } } }\n';
    expect(parseDhclientLeases(text)).toEqual([
      { address: '10.0.0.5', domain: 'lab.example', url: 'http://x:3000/a;b{"c"}/' },
    ]);
  });

  it('of dhclient that were cut short count for nothing, wherever that was', () => {
    const lease = (url: string) =>
      `lease {\n  interface "eth0";\n  fixed-address 10.0.0.5;\n  option dragonfly-url "${url}";\n}\n`;
    const [older, cut, newer] = ['http://older', 'http://cut', 'http://newer'].map(lease);
    const [before, after] = ['http://older', 'http://newer'].map((url) => [
      { address: '10.0.0.5', url },
    ]);
    for (let at = 0; at < (cut?.length ?? 0) - 2; at += 1) {
      const part = cut?.slice(0, at) ?? '';
      expect([part, parseDhclientLeases(`${older}${part}`)]).toEqual([part, before]);
      expect([part, parseDhclientLeases(`${older}${part}${newer}`)]).toEqual([part, after]);
    }
  });

  it('of dhclient are read in one pass, whatever is in them', () => {
    const endless = `lease {\n  option domain-name "${'\\"'.repeat(200_000)}\n`;
    expect(parseDhclientLeases(`${endless}lease { fixed-address 10.0.0.5; }`)).toEqual([
      { address: '10.0.0.5' },
    ]);
  });

  it('of wicked have options that it does not know in hex', () => {
    const bytes = hex('http://x:3000').replaceAll(/(..)(?=.)/g, '$1:');
    const text = `<lease>
  <family>ipv4</family>
  <ipv4:dhcp>
    <client-id>ff:00</client-id>
    <address>10.0.0.5</address>
    <netmask>255.255.255.0</netmask>
    <dns>
      <domain>lab.example</domain>
      <server>10.0.0.1</server>
    </dns>
    <options>
      <unknown-224>
        <code>224</code>
        <data>${bytes}</data>
      </unknown-224>
    </options>
  </ipv4:dhcp>
</lease>\n`;
    const told = { address: '10.0.0.5', url: 'http://x:3000', domain: 'lab.example' };
    expect(wicked.parse(text)).toEqual([told]);
    expect(wicked.parse(wicked.write(told))).toEqual([told]);
  });

  it('of dhcpcd are the packet that came, with options in parts', () => {
    const url = `http://x:3000/${'y'.repeat(300)}`;
    const told = { address: '10.0.0.200', url, domain: 'lab.example' };
    const text = packet.write(told);
    expect(packet.parse(text)).toEqual([told]);
    const padded = text.replace('\x0F', '\0\0\x36\x04\x0A\0\0\x01\x0F');
    expect(packet.parse(padded)).toEqual([told]);
    for (const wrong of ['', 'x'.repeat(239), text.slice(0, 242), text.replace('\x63\x82', 'xx')])
      expect(packet.parse(wrong)[0]?.url).toBeUndefined();
  });

  it('end a text without the NUL that some servers send', () => {
    expect(parseKeyValueLease(`opt224=${hex('http://x:3000')}00\n`).url).toBe('http://x:3000');
  });

  it('come last where their address is none of the host', async () => {
    const trie = (address: string) => `  |-- ${address}\n     /32 host LOCAL\n`;
    const files = {
      '/var/lib/NetworkManager/internal-1-eth0.lease': `ADDRESS=10.9.0.9\nOPTION_224=${hex('http://foreign')}\n`,
      '/var/lib/NetworkManager/dhclient-2-eth0.lease':
        'lease {\n  fixed-address 10.0.0.5;\n  option domain-name "a.example";\n}\n',
      '/var/lib/dhcpcd/eth1.lease': Buffer.from(
        packet.write({ address: '10.0.0.6', url: 'http://here' }),
        'latin1',
      ),
      '/var/lib/dhcpcd/eth1.lease6': 'not read',
      '/run/wicked/lease-eth0-dhcp-ipv4.xml': wicked.write({ domain: 'b.example' }),
      '/run/wicked/leaseinfo.eth0.dhcp.ipv4': 'not read',
      '/proc/net/fib_trie': trie('127.0.0.1') + trie('10.0.0.5') + trie('10.0.0.6'),
    };
    const { found, root } = await probe('leases', files);
    expect(found).toEqual([
      { source: '/var/lib/NetworkManager/dhclient-2-eth0.lease', domain: 'a.example' },
      { source: '/var/lib/dhcpcd/eth1.lease', url: 'http://here' },
      { source: '/run/wicked/lease-eth0-dhcp-ipv4.xml', domain: 'b.example' },
      {
        source: '/var/lib/NetworkManager/internal-1-eth0.lease',
        url: 'http://foreign',
        is_old: true,
      },
    ]);
    expect(root.asked.filter((path) => /lease6|leaseinfo/.test(path))).toEqual([]);
    const { '/proc/net/fib_trie': _, ...unknown } = files;
    expect((await read('leases', unknown)).some(({ is_old }) => is_old)).toBe(false);
  });
});
