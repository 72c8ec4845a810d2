// The dnsmasq settings of the documentation, in network namespaces of the test's own: a bridge with
// the server, the machine and, for proxyDHCP, another DHCP server behind a router.
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { projectDir } from '../../initramfs/tools.ts';
import { temporaryDirectory } from '../server/harness.ts';
import { bootDir, runsAll, startVm } from './harness.ts';

/** Loaded by UEFI firmware, which is no iPXE itself as QEMU's BIOS ROMs are. */
const ipxeEfi = '/usr/lib/ipxe/ipxe.efi';

const hasNamespaces = (): boolean => {
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    execFileSync('dnsmasq', ['--version'], { stdio: 'ignore' });
    return process.getuid?.() === 0 && existsSync(ipxeEfi);
  } catch {
    return false;
  }
};
const can = runsAll && hasNamespaces();

const ip = (...args: string[]): void => void execFileSync('ip', args);

/** A namespace with a bridge 192.168.77.1 and a port for a machine. */
function makeNetwork(): {
  namespace: string;
  inside: (program: string, ...args: string[]) => void;
} {
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
  within('address', 'add', '192.168.77.1/24', 'dev', 'br0');
  within('tuntap', 'add', 'tap0', 'mode', 'tap');
  within('link', 'set', 'tap0', 'master', 'br0', 'up');
  within('link', 'set', 'br0', 'up');
  return {
    namespace,
    inside: (program, ...args) => {
      background(namespace, program, ...args);
    },
  };
}

/** Runs a program in a namespace until the test ends. */
function background(namespace: string, program: string, ...args: string[]): void {
  const child = spawn('ip', ['netns', 'exec', namespace, program, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    cwd: projectDir,
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
}

function dnsmasqArgs(name: 'proxy' | 'full'): string[] {
  const folder = temporaryDirectory();
  copyFileSync(ipxeEfi, join(folder, 'ipxe.efi'));
  const text = readFileSync(join(projectDir, 'initramfs', 'dnsmasq', `${name}.conf`), 'utf8');
  const file = join(folder, 'dnsmasq.conf');
  writeFileSync(file, text.replace('tftp-root=/srv/tftp', `tftp-root=${folder}`));
  return ['--keep-in-foreground', '--user=root', `--conf-file=${file}`, '--log-facility=/dev/null'];
}

function startServer(inside: (program: string, ...args: string[]) => void): void {
  inside(
    process.execPath,
    ...[
      'src/cli/dragonfly-server.ts',
      'serve',
      '--store',
      'memory:',
      '--enrolment-token',
      'enrol-with-this-token',
    ],
    ...['--listen', '192.168.77.1:3000', '--boot-append', 'console=ttyS0'],
    ...['--boot-dir', bootDir],
  );
}

it.skipIf(!can)(
  'boots a machine with dnsmasq as the DHCP server, which hands out its token',
  async () => {
    const { namespace, inside } = makeNetwork();
    startServer(inside);
    inside('dnsmasq', ...dnsmasqArgs('full'));
    const vm = startVm(
      ['-netdev', 'tap,id=n0,ifname=tap0,script=no,downscript=no', '-device', 'e1000,netdev=n0'],
      { namespace },
    );
    await vm.waitFor(/INFO checked in/, 240_000);
    expect(vm.console).toMatch(/eth0 is 192\.168\.77\.1\d\d\/24/);
  },
);

it.skipIf(!can)('boots a UEFI machine with dnsmasq beside another DHCP server', async () => {
  const { namespace, inside } = makeNetwork();
  const router = `${namespace}-router`;
  ip('netns', 'add', router);
  onTestFinished(() => {
    ip('netns', 'delete', router);
  });
  ip(
    '-n',
    namespace,
    'link',
    'add',
    'port',
    'type',
    'veth',
    'peer',
    'name',
    'lan',
    'netns',
    router,
  );
  ip('-n', namespace, 'link', 'set', 'port', 'master', 'br0', 'up');
  ip('-n', router, 'address', 'add', '192.168.77.254/24', 'dev', 'lan');
  ip('-n', router, 'link', 'set', 'lan', 'up');
  background(
    router,
    ...([
      'dnsmasq',
      '--keep-in-foreground',
      '--user=root',
      '--conf-file=/dev/null',
      '--port=0',
    ] as const),
    ...['--dhcp-range=192.168.77.30,192.168.77.40,1h', '--dhcp-leasefile=/dev/null'],
    '--log-facility=/dev/null',
  );
  startServer(inside);
  inside('dnsmasq', ...dnsmasqArgs('proxy'));
  const vm = startVm(
    [
      ...['-machine', 'q35', '-netdev', 'tap,id=n0,ifname=tap0,script=no,downscript=no'],
      // Without a ROM of its own the firmware's PXE client boots.
      ...['-device', 'virtio-net-pci,netdev=n0,romfile=,bootindex=0'],
    ],
    { namespace, uefi: true },
  );
  await vm.waitFor(/INFO checked in/, 240_000);
  expect(vm.console).toMatch(/eth0 is 192\.168\.77\.3\d\/24/);
});
