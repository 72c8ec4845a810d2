// The server's program with --netboot, on networks of its own: what is sent to everybody is heard, and answered on
// the network that was named alone. Takes root and iproute2.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  parseNetboot,
  readChoices,
  startNetboot,
  type NetbootSetting,
} from '../../src/cli/server/serving/netboot.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryDirectory } from '../server/harness.ts';

const networks = ['192.0.2', '198.51.100'] as const;
const name = `dragonfly-netboot-${process.pid}`;
const clientOf = (network: string): string => `${name}-${networks.indexOf(network as never)}`;

const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });

const hasNamespaces = ((): boolean => {
  try {
    ip('netns', 'list');
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
})();

/** A namespace for the server, which is PREFIX.1 on each network, and one for the client on each. */
function makeNetworks(): void {
  const made = [name, ...networks.map(clientOf)];
  onTestFinished(() => {
    for (const one of made) ip('netns', 'delete', one);
  });
  for (const one of made) ip('netns', 'add', one);
  for (const [i, network] of networks.entries()) {
    const client = clientOf(network);
    ip(
      '-n',
      name,
      'link',
      'add',
      `net${i}`,
      'type',
      'veth',
      'peer',
      'name',
      'lan',
      'netns',
      client,
    );
    ip('-n', name, 'address', 'add', `${network}.1/24`, 'dev', `net${i}`);
    ip('-n', client, 'address', 'add', `${network}.2/24`, 'dev', 'lan');
    ip('-n', name, 'link', 'set', `net${i}`, 'up');
    ip('-n', client, 'link', 'set', 'lan', 'up');
    ip('-n', client, 'route', 'add', '255.255.255.255', 'dev', 'lan');
  }
}

function program(namespace: string, args: readonly string[]) {
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

function server(...more: readonly string[]) {
  const dir = temporaryDirectory();
  mkdirSync(join(dir, 'x86_64'));
  for (const file of ['kernel', 'initramfs', 'ipxe.efi'])
    writeFileSync(join(dir, 'x86_64', file), file);
  return program(name, [
    'src/cli/dragonfly-server.ts',
    '--store=memory:',
    '--listen=:3000',
    '--enrolment-token=a-long-enrolment-token',
    `--boot-dir=${dir}`,
    ...more,
  ]);
}

/** Waits until the server says that it tells machines what they boot. */
async function told(child: ReturnType<typeof server>): Promise<string> {
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('Machines are told')) return line;
  }
  throw new Error(await text(child.stderr));
}

/** Stands for a DHCP server that shares the port, as dnsmasq does. */
const dhcpServer = `
  const socket = require('node:dgram').createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('message', (bytes) => console.log('heard ' + (bytes[0] === 1 ? bytes.toString('hex', 0, 3) : bytes)));
  socket.bind(67, () => console.log('listens'));
`;

/** Asks everybody on a network as a machine does. */
function ask(network: string) {
  return program(clientOf(network), ['test/netboot/dhcp/ask.ts']);
}

describe.skipIf(!hasNamespaces)('on a host with two networks (needs root)', () => {
  it('answers on the named one alone, and confirms and sends the loader there', async () => {
    makeNetworks();
    expect(await told(server('--netboot', '192.0.2.1'))).toBe(
      'Machines are told to boot from http://192.0.2.1:3000',
    );
    const there = ask('198.51.100');
    const heard = text(there.stdout);
    await once(there.stdout, 'data');
    expect((await text(ask('192.0.2').stdout)).replace(/^(?:asked\n)+/, '').split('\n')).toEqual([
      'offer x86_64/ipxe.efi from 192.0.2.1:67',
      'confirmation x86_64/ipxe.efi from 192.0.2.1:4011',
      'file ipxe.efi',
      '',
    ]);
    // It asked before, and again since.
    there.kill('SIGTERM');
    expect(await heard).toMatch(/^(?:asked\n)+$/);
  });

  it('answers on each of several with its own address', async () => {
    makeNetworks();
    await told(server('--netboot', '192.0.2.1,198.51.100.1'));
    const [here, there] = await Promise.all(networks.map((one) => text(ask(one).stdout)));
    for (const [said, address] of [
      [here, '192.0.2.1'],
      [there, '198.51.100.1'],
    ]) {
      expect(said).toContain(`offer x86_64/ipxe.efi from ${address}:67\n`);
      expect(said).toContain(`confirmation x86_64/ipxe.efi from ${address}:4011\n`);
    }
  });

  it('leaves to a DHCP server on the same host all that is sent to it', async () => {
    makeNetworks();
    const other = program(name, ['--eval', dhcpServer]);
    const heard = createInterface({ input: other.stdout })[Symbol.asyncIterator]();
    expect((await heard.next()).value).toBe('listens');
    await told(server('--netboot', '192.0.2.1'));
    const renewal = `require('node:dgram').createSocket('udp4').send('renewal', 67, '192.0.2.1', () => process.exit())`;
    program(clientOf('192.0.2'), ['--eval', renewal]);
    expect((await heard.next()).value).toBe('heard renewal');
    expect(await text(ask('192.0.2').stdout)).toContain('file ipxe.efi\n');
    // It hears everybody's requests as well.
    expect((await heard.next()).value).toBe('heard 010106');
  });

  it.each([
    [['--netboot'], 'this host has these IPv4 addresses: 192.0.2.1, 198.51.100.1. Name one'],
    [['--netboot', '203.0.113.1'], 'UDP port 67 of 203.0.113.1: this host has no such address'],
  ])('refuses %j', async (args, why) => {
    makeNetworks();
    const child = server(...args);
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(said).toContain(why);
    expect(code).toBe(2);
  });

  it('says that no port has a link, and takes the address that one has without', async () => {
    makeNetworks();
    for (const one of networks.map(clientOf)) ip('-n', one, 'link', 'set', 'lan', 'down');
    // The kernel takes up to a second to notice that a link is gone.
    const links = (): string => execFileSync('ip', ['-n', name, 'link'], { encoding: 'utf8' });
    await expect.poll(links, { timeout: 10_000 }).not.toContain('state UP');
    const child = server('--netboot');
    const [said] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(said).toContain('no port of this host has a link and an IPv4 address');
    expect(await told(server('--netboot', '192.0.2.1'))).toContain('http://192.0.2.1:3000');
  });
});

describe('the setting', () => {
  const start = async (more: Partial<NetbootSetting>): Promise<unknown> =>
    startNetboot({
      netboot: '192.0.2.1',
      bootDir: temporaryDirectory(),
      plain: [{ host: '198.51.100.1', port: 3000 }],
      store: await openStore('memory:'),
      clock: systemClock,
      log: silentLog,
      signal: AbortSignal.abort(),
      ...more,
    });

  it('takes addresses alone', () => {
    expect(parseNetboot('auto')).toBe('auto');
    expect(parseNetboot('192.0.2.1,198.51.100.1')).toBe('192.0.2.1,198.51.100.1');
    for (const junk of ['here', '::1', '0.0.0.0', '192.0.2.1,', '192.0.2.256', 'auto,192.0.2.1']) {
      expect(() => parseNetboot(junk)).toThrow(
        "this host's IPv4 address on a network, several with commas, or auto",
      );
    }
  });

  it('takes no address twice', () => {
    expect(() => parseNetboot('192.0.2.1,198.51.100.1,192.0.2.1')).toThrow(
      'names an address twice',
    );
  });

  it('is refused where machines would find nothing, or nobody', async () => {
    await expect(start({ bootDir: undefined })).rejects.toThrow('set --boot-dir as well');
    await expect(start({})).rejects.toThrow('Set --boot-listen 192.0.2.1:8080');
    await expect(start({ plain: [] })).rejects.toThrow('iPXE needs HTTP without TLS on 192.0.2.1');
  });
});

it('the choices for a machine are the usual ones while the store is away', async () => {
  const store = await openStore('memory:');
  const said: string[] = [];
  const choicesFor = readChoices(store, {
    ...silentLog,
    warn: (_fields, message) => void said.push(message),
  });
  await store.settings.put({ key: 'boot.loader', value: 'shim' });
  expect((await choicesFor('02:00:00:00:00:07')).loader).toBe('shim');
  await store.close();
  expect(await choicesFor('02:00:00:00:00:07')).toEqual(await choicesFor(undefined));
  expect((await choicesFor(undefined)).loader).toBe('ipxe');
  expect(said).toContain('the settings for booting cannot be read; the usual ones are taken');
});
