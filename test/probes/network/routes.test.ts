import { describe, expect, it } from 'vitest';
import {
  defaultRoute,
  parseIpv4Routes,
  parseIpv6Routes,
} from '../../../src/probes/network/routes.ts';
import { denied, probe, read } from '../host.ts';

const header =
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const zero = '0'.repeat(32);
const gateway = 'fe80000000000000505400fffe000001';
const ipv6 = [
  `${zero} 00 ${zero} 00 ${gateway} 00000400 00000001 00000000 00450003     eth0`,
  `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo`,
  '',
].join('\n');

describe('the default route', () => {
  it('is the one with the lowest metric that is up and lets traffic pass', () => {
    const routes = parseIpv4Routes(
      [
        header,
        'eth1\t00000000\t0100000A\t0003\t0\t0\t200\t00000000\t0\t0\t0',
        'eth0\t00000000\t010A000A\t0003\t0\t0\t100\t00000000\t0\t0\t0',
        'eth2\t00000000\t00000000\t0201\t0\t0\t1\t00000000\t0\t0\t0',
        'eth0\t000A000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
        'junk',
      ].join('\n'),
    );
    expect(defaultRoute(routes)).toEqual({
      interface: 'eth0',
      destination: '0.0.0.0',
      prefixLength: 0,
      gateway: '10.0.10.1',
      metric: 100,
    });
    expect(routes.find((r) => r.destination === '10.0.10.0')?.prefixLength).toBe(24);
  });

  it('is read in the byte order of a big-endian host too', () => {
    const text = [
      header,
      'eth0\t00000000\t0A000A01\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'eth0\t0A000800\t00000000\t0001\t0\t0\t0\tFFFFF800\t0\t0\t0',
    ].join('\n');
    expect(parseIpv4Routes(text)).toMatchObject([
      { gateway: '10.0.10.1', prefixLength: 0 },
      { destination: '10.0.8.0', prefixLength: 21 },
    ]);
  });

  it('of IPv6 is not that of the loopback interface', () => {
    expect(defaultRoute(parseIpv6Routes(ipv6))).toMatchObject({
      interface: 'eth0',
      gateway: 'fe80::5054:ff:fe00:1',
      metric: 1024,
    });
  });

  it('is the one of IPv4, else that of IPv6, else none', async () => {
    const ipv4 = `${header}\neth1\t00000000\t0100000A\t0003\t0\t0\t9\t00000000\t0\t0\t0\n`;
    const files = { '/proc/net/route': ipv4, '/proc/net/ipv6_route': ipv6 };
    const over = async (some: Parameters<typeof read>[1]) =>
      (await read('routes', some)).default?.interface;
    expect(await over(files)).toBe('eth1');
    expect(await over({ ...files, '/proc/net/route': `${header}\n` })).toBe('eth0');
    expect(await over({ '/proc/net/route': `${header}\n` })).toBeUndefined();
    const half = { '/proc/net/route': denied(), '/proc/net/ipv6_route': '' };
    expect((await probe('routes', half)).found).toBeUndefined();
  });
});
