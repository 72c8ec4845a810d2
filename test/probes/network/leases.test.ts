import { describe, expect, it } from 'vitest';
import { parseDhclientLeases, parseKeyValueLease } from '../../../src/probes/network/leases.ts';
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
    const places = ['/run/dragonfly/lease', '/run/systemd/netif/leases'];
    const more = ['/var/lib/NetworkManager', '/var/lib/dhcp', '/var/lib/dhclient'];
    const files = Object.fromEntries([...places, ...more].map((path) => [path, denied(path)]));
    expect(await probe('leases', files)).toMatchObject({ found: undefined, problems: [] });
  });

  it('of udhcpc have option 224 in hex', () => {
    expect(parseKeyValueLease(`ip=10.0.0.5\nopt224=${hex('http://x:3000')}\ndomain=lab\n`)).toEqual(
      {
        url: 'http://x:3000',
        domain: 'lab',
      },
    );
  });

  it('of dhclient count by their last lease, in text or hex', () => {
    const lease = (url: string) =>
      `lease {\n  interface "eth0";\n  option domain-name "lab.example";\n  option ${url};\n}\n`;
    const bytes = hex('http://new:3000').replaceAll(/(..)(?=.)/g, '$1:');
    const text = lease('unknown-224 "http://old:3000"') + lease(`unknown-224 ${bytes}`);
    expect(parseDhclientLeases(text)).toEqual({ url: 'http://new:3000', domain: 'lab.example' });
    expect(parseDhclientLeases(lease('dragonfly-url "http://named:3000"')).url).toBe(
      'http://named:3000',
    );
  });
});
