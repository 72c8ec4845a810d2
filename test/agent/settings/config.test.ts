import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  readConfiguration,
  requireServers,
  type SrvTarget,
} from '../../../src/agent/settings/config.ts';
import { isAppError } from '../../../src/core/errors.ts';
import { openRoot } from '../../../src/sources/open.ts';

const dirs: string[] = [];
afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true });
});

/** The configuration of a host that has these files. */
async function configure(
  files: Record<string, string>,
  given: {
    flags?: Record<string, string>;
    environment?: Record<string, string>;
    srv?: Record<string, SrvTarget[]>;
  } = {},
) {
  const dir = await mkdtemp(join(tmpdir(), 'config-'));
  dirs.push(dir);
  for (const [path, text] of Object.entries({ '/proc/cmdline': '', ...files })) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  return readConfiguration({
    flags: given.flags ?? {},
    environment: given.environment ?? {},
    root: await openRoot(dir),
    resolveSrv: async (name) => given.srv?.[name] ?? [],
  });
}

const hex = (text: string): string => Buffer.from(text).toString('hex');

const everywhere = {
  '/proc/cmdline': 'quiet dragonfly.url=http://kernel:3000 BOOTIF=01-AA-BB-CC-DD-EE-0F\n',
  '/run/systemd/netif/leases/2': `DOMAINNAME=example.net\nOPTION_224=${hex('http://dhcp:3000')}\n`,
};
const srv = {
  '_dragonfly._tcp.example.net': [
    { name: 'b.example.net', port: 3000, priority: 20, weight: 1 },
    { name: 'a.example.net', port: 443, priority: 10, weight: 1 },
  ],
};

describe('readConfiguration', () => {
  it('takes flag before environment before kernel before DHCP before DNS, and names the source', async () => {
    const flags = { server: 'http://flag:1/' };
    const environment = { DRAGONFLY_URL: 'http://environment:2' };
    const url = async (...args: Parameters<typeof configure>) => {
      const { values, sources } = await configure(...args);
      return { value: values.url, source: sources.url };
    };
    expect(await url(everywhere, { flags, environment, srv })).toEqual({
      value: 'http://flag:1',
      source: '--server',
    });
    expect(await url(everywhere, { environment, srv })).toEqual({
      value: 'http://environment:2',
      source: 'DRAGONFLY_URL',
    });
    expect(await url(everywhere, { srv })).toEqual({
      value: 'http://kernel:3000',
      source: 'dragonfly.url on the kernel command line',
    });
    expect(await url({ ...everywhere, '/proc/cmdline': '' }, { srv })).toEqual({
      value: 'http://dhcp:3000',
      source: 'DHCP option 224 in /run/systemd/netif/leases/2',
    });
    // A server that proves nothing is passed over where a CA is pinned.
    const pinned = `dragonfly.ca_sha256=${'0'.repeat(64)}\n`;
    expect((await url({ ...everywhere, '/proc/cmdline': pinned }, { srv })).value).toBe(
      'https://a.example.net,https://b.example.net:3000',
    );
    const onlyDomain = { '/run/dragonfly/lease': "domain='example.net'\n" };
    expect(await url(onlyDomain, { srv })).toEqual({
      value: 'https://a.example.net,http://b.example.net:3000',
      source: 'DNS SRV _dragonfly._tcp.example.net',
    });
  });

  it('passes over what DHCP gives that is no address, and prefers a lease that holds', async () => {
    const lease = (address: string, url: string) => `ADDRESS=${address}\nOPTION_224=${hex(url)}\n`;
    const files = {
      '/run/systemd/netif/leases/2': lease('10.0.0.5', 'dragonfly.lab'),
      '/run/systemd/netif/leases/3': lease('10.0.0.5', 'http://me:secret@x'),
      '/var/lib/NetworkManager/internal-1-eth0.lease': lease('10.9.9.9', 'http://foreign:1'),
      '/var/lib/NetworkManager/internal-2-eth0.lease': lease('10.0.0.5', 'http://here:1'),
      '/proc/net/fib_trie': '  |-- 10.0.0.5\n     /32 host LOCAL\n',
    };
    const found = await configure(files);
    expect(found.values.url).toBe('http://here:1');
    expect(found.passedOver).toEqual([
      'DHCP option 224 in /run/systemd/netif/leases/2 (passed over: an address must start with http:// or https://)',
      'DHCP option 224 in /run/systemd/netif/leases/3 (passed over: an address must not have a password in it; use a token)',
    ]);
    const { '/var/lib/NetworkManager/internal-2-eth0.lease': _, ...others } = files;
    const old = await configure(others);
    expect([old.values.url, old.sources.url]).toEqual([
      'http://foreign:1',
      'DHCP option 224 in /var/lib/NetworkManager/internal-1-eth0.lease, an old lease',
    ]);
    const resolver = { '/etc/resolv.conf': 'search example.net\n' };
    const bySrv = await configure({ ...others, ...resolver }, { srv });
    expect(bySrv.sources.url).toBe('DNS SRV _dragonfly._tcp.example.net');
  });

  it('reads every setting from the kernel command line, and the MAC from BOOTIF', async () => {
    const { values, sources } = await configure({
      '/proc/cmdline':
        'dragonfly.mode=imaging BOOTIF=01-aa-bb-cc-dd-ee-0f dragonfly.token=s3cret dragonfly.interval=15 ' +
        `dragonfly.workflow=01930000-0000-7000-8000-000000000001 dragonfly.ca_sha256=${'AB:'.repeat(31)}AB dragonfly.log=debug`,
    });
    expect(values).toEqual({
      mode: 'imaging',
      mac: 'aa:bb:cc:dd:ee:0f',
      token: 's3cret',
      interval: 15,
      workflow: '01930000-0000-7000-8000-000000000001',
      ca_sha256: 'ab'.repeat(32),
      log: 'debug',
    });
    expect(sources.mac).toBe('BOOTIF on the kernel command line');
  });

  it('takes several servers, separated by commas', async () => {
    const config = await configure({}, { flags: { server: 'http://a:1, https://b/below/' } });
    expect(requireServers(config)).toEqual(['http://a:1', 'https://b/below']);
  });

  it('lists where it looked when no server is known', async () => {
    const config = await configure({ '/run/dragonfly/lease': 'domain=example.org\n' });
    expect(() => requireServers(config)).toThrow(
      'no server is known: looked at --server; DRAGONFLY_URL; ' +
        'dragonfly.url on the kernel command line; ' +
        'DHCP option 224 in /run/dragonfly/lease; DNS SRV _dragonfly._tcp.example.org (no record). ' +
        'Set --server or dragonfly.url=',
    );
    const nothing = await configure({});
    expect(nothing.looked.at(-1)).toBe('DNS SRV _dragonfly._tcp.<domain> (DHCP gave no domain)');
  });

  it.each([
    ['server', 'ftp://x'],
    ['server', 'x:3000'],
    ['server', ' , '],
    ['server', ''],
    ['server', 'http://user:pw@x'],
    ['mac', 'aa:bb'],
    ['mode', 'wipe'],
    ['interval', '0'],
    ['interval', 'NaN'],
    ['workflow', '../x'],
    ['ca-sha256', 'abc'],
    ['log', 'loud'],
  ])('refuses --%s %s and says where it stood', async (flag, value) => {
    await expect(configure({}, { flags: { [flag]: value } })).rejects.toThrow(`--${flag}`);
  });

  it('never shows a token, not even a bad one', async () => {
    const err: unknown = await configure({}, { flags: { token: 'two words' } }).catch((e) => e);
    expect(isAppError(err, 'config.invalid') && err.message).not.toContain('two');
  });
});
