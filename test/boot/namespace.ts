// A network of a test's own: a namespace with a bridge that holds the server's addresses and a port for
// a machine, and programs that run in it. Takes root, iproute2 and dnsmasq.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { projectDir } from '../../initramfs/tools.ts';
import { startScript } from '../../src/netboot/boot-script.ts';
import { temporaryDirectory } from '../server/harness.ts';
import { bootDir } from './harness.ts';

/** True if such networks can be made here. */
export function hasNamespaces(): boolean {
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    execFileSync('dnsmasq', ['--version'], { stdio: 'ignore' });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

export const ip = (...args: string[]): void => void execFileSync('ip', args);

export interface Network {
  readonly namespace: string;
  /** Runs a program in it until the test ends. */
  readonly inside: (program: string, ...args: string[]) => ChildProcess;
}

/** A namespace with a bridge of these addresses. A machine is connected with `tapPort`. */
export function makeNetwork(...addresses: string[]): Network {
  const namespace = `dragonfly-boot-${process.pid}`;
  ip('netns', 'add', namespace);
  onTestFinished(() => {
    ip('netns', 'delete', namespace);
  });
  const within = (...args: string[]): void => {
    ip('-n', namespace, ...args);
  };
  within('link', 'set', 'lo', 'up');
  within('link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0');
  // Without a port a bridge would check for ever whether an IPv6 address is taken.
  for (const address of addresses) {
    within('address', 'add', address, 'dev', 'br0', ...(address.includes('::') ? ['nodad'] : []));
  }
  within('tuntap', 'add', 'tap0', 'mode', 'tap');
  within('link', 'set', 'tap0', 'master', 'br0', 'up');
  within('link', 'set', 'br0', 'up');
  return {
    namespace,
    inside: (program, ...args) => background(namespace, program, ...args),
  };
}

/** QEMU's network that ends in such a namespace. */
export const tapPort = ['-netdev', 'tap,id=n0,ifname=tap0,script=no,downscript=no'];

/** Arguments for firmware that boots by HTTP alone. */
export const noPxe = ['IPv4', 'IPv6'].flatMap((kind) => [
  '-fw_cfg',
  `name=opt/org.tianocore/${kind}PXESupport,string=no`,
]);

/** Runs a program in a namespace until the test ends. */
export function background(namespace: string, program: string, ...args: string[]): ChildProcess {
  const child = spawn('ip', ['netns', 'exec', namespace, program, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    cwd: projectDir,
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

/** A server with images and a token that it hands out. */
export function startServer(
  network: Network,
  listen: string,
  ...more: readonly string[]
): ChildProcess {
  return startServerWith({}, network, listen, ...more);
}

/** As startServer, with images of a test's own, or for machines with another console. */
export function startServerWith(
  { dir = bootDir, console: device = 'ttyS0' }: { dir?: string; console?: string },
  { inside }: Network,
  listen: string,
  ...more: readonly string[]
): ChildProcess {
  return inside(
    process.execPath,
    ...['src/cli/dragonfly-server.ts', 'serve', '--store', 'memory:'],
    ...['--enrolment-token', 'enrol-with-this-token', '--listen', listen],
    ...['--boot-append', `console=${device}`, '--boot-dir', dir, ...more],
  );
}

/** Another DHCP server on the network: it gives the addresses PREFIX.30 to PREFIX.40, and knows nothing of booting,
 *  unless it names a `nextServer`. Further arguments are dnsmasq's. */
export function startRouter(
  { namespace }: Network,
  prefix: string,
  nextServer?: string,
  ...more: readonly string[]
): void {
  const router = `${namespace}-router`;
  ip('netns', 'add', router);
  onTestFinished(() => {
    ip('netns', 'delete', router);
  });
  const pair = ['type', 'veth', 'peer', 'name', 'lan', 'netns', router];
  ip('-n', namespace, 'link', 'add', 'port', ...pair);
  ip('-n', namespace, 'link', 'set', 'port', 'master', 'br0', 'up');
  ip('-n', router, 'address', 'add', `${prefix}.254/24`, 'dev', 'lan');
  ip('-n', router, 'link', 'set', 'lan', 'up');
  background(
    router,
    'dnsmasq',
    // At once.
    ...[...quietDnsmasq(), '--no-ping', '--port=0'],
    `--dhcp-range=${prefix}.30,${prefix}.40,1h`,
    ...(nextServer === undefined ? [] : [`--dhcp-boot=,,${nextServer}`]),
    ...more,
  );
}

/** Arguments for a dnsmasq that has no settings yet, and leaves nothing behind. */
export const quietDnsmasq = (pidFile = ownPidFile()): string[] => [
  ...['--keep-in-foreground', '--user=root', '--conf-file=/dev/null', `--pid-file=${pidFile}`],
  ...['--log-facility=/dev/null', '--dhcp-leasefile=/dev/null'],
];

/** The default one is shared with every other dnsmasq of this host, of which one that starts at the same time ends. */
const ownPidFile = (): string => join(temporaryDirectory(), 'pid');

/** Loaded by UEFI firmware, which is no iPXE itself as QEMU's BIOS ROMs are. */
export const ipxeEfi = '/usr/lib/ipxe/ipxe.efi';

/** dnsmasq as the documentation's file has it, which leads to the server at a URL. */
export function dnsmasqArgs(
  name: 'proxy' | 'full',
  url: string,
  change: (text: string) => string = (text) => text,
): string[] {
  const folder = temporaryDirectory();
  copyFileSync(ipxeEfi, join(folder, 'ipxe.efi'));
  writeFileSync(join(folder, 'start.ipxe'), startScript(url, 300));
  const text = readFileSync(join(projectDir, 'initramfs', 'dnsmasq', `${name}.conf`), 'utf8');
  const file = join(folder, 'dnsmasq.conf');
  writeFileSync(file, change(text).replace('tftp-root=/srv/tftp', `tftp-root=${folder}`));
  const own = [`--conf-file=${file}`, `--pid-file=${ownPidFile()}`];
  return ['--keep-in-foreground', '--user=root', '--log-facility=/dev/null', ...own];
}
