// A network that changes under a machine that runs: leases with other addresses, routes and names, a port that is put
// into another network, a cable that moves, a way that leads nowhere any more.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Vm } from '../../../initramfs/machine/qemu.ts';
import { temporaryDirectory } from '../../server/harness.ts';
import { imageRunning, ownFile } from '../changed-image.ts';
import { handOver, runsAll, startVm } from '../harness.ts';
import {
  hasNamespaces,
  ip,
  makeNetwork,
  quietDnsmasq,
  startServer,
  tapPort,
} from '../namespace.ts';

const mac = '52:54:00:00:0a:01';

/** Tells on the console what the ports are given, each time that it changes. */
const teller = `#!/bin/sh
. /lib/dragonfly/functions
while sleep 1; do
  now=$(ip -4 route; ip link | grep -o ' eth.*mtu [0-9]*'; echo "NAME $(hostname)"; grep ntpsrv $run/lease)
  [ "$now" = "$last" ] || printf '<<<\\n%s\\n>>>\\n' "$now" > /dev/console
  last=$now
done
`;

/** The image with the teller, and with less patience: it waits a quarter of a minute for the server, where others wait a
 *  whole one. */
function image(): string {
  const path = 'lib/dragonfly/network/watch-ports';
  const watcher = ownFile(path);
  expect(watcher).toContain('\nunanswered=60\n');
  return imageRunning(teller, { [path]: watcher.replace('unanswered=60', 'unanswered=15') });
}

/** The state that the machine told last, once it is like this and the agent has checked in since. */
async function settles(vm: Vm, from: number, pattern: RegExp): Promise<string> {
  await vm.waitFor(pattern, 180_000, from);
  await vm.waitFor(/INFO checked in/, 120_000, from);
  const told =
    vm.console
      .replaceAll('\r', '')
      .match(/<<<\n[^]*?\n>>>/g)
      ?.at(-1) ?? '';
  expect(told).toMatch(pattern);
  return told;
}

interface Site {
  readonly namespace: string;
  readonly within: (...args: string[]) => void;
  /** Has the machine given this address, with a name if there is one, and these options on the near network. */
  readonly give: (host: string, ...options: string[]) => void;
  /** Has the DHCP server read what it is to give. */
  readonly reload: () => void;
}

/** Two networks with one DHCP server, which gives this at first, and behind both a server that any way leads to. */
function makeSite(...first: Parameters<Site['give']>): Site {
  const network = makeNetwork('192.168.77.1/24', '192.168.200.1/32');
  const { namespace } = network;
  const within = (...args: string[]): void => ip('-n', namespace, ...args);
  within('link', 'add', 'br1', 'type', 'bridge', 'forward_delay', '0');
  within('address', 'add', '192.168.78.1/24', 'dev', 'br1');
  within('link', 'set', 'br1', 'up');
  within('tuntap', 'add', 'tap1', 'mode', 'tap');
  within('link', 'set', 'tap1', 'master', 'br0', 'up');
  within('address', 'add', '10.10.10.10/32', 'dev', 'lo');
  const strict = 'net.ipv4.conf.all.arp_ignore=1';
  execFileSync('ip', ['netns', 'exec', namespace, 'sysctl', '-q', strict]);
  startServer(network, '0.0.0.0:3000');
  const folder = temporaryDirectory();
  const file = (name: string): string => join(folder, name);
  const give: Site['give'] = (host, ...options) => {
    writeFileSync(file('hosts'), `${mac},${host}\n`);
    writeFileSync(file('options'), options.map((line) => `tag:near,${line}\n`).join(''));
  };
  give(...first);
  network.inside(
    'dnsmasq',
    ...[...quietDnsmasq(file('pid')), '--port=0', '--dhcp-authoritative'],
    '--dhcp-range=set:near,192.168.77.100,192.168.77.150,2m',
    ...['--dhcp-range=set:far,192.168.78.100,192.168.78.150,2m'],
    ...[`--dhcp-hostsfile=${file('hosts')}`, `--dhcp-optsfile=${file('options')}`],
  );
  const reload = (): void => void process.kill(Number(readFileSync(file('pid'), 'utf8')), 'SIGHUP');
  return { namespace, within, give, reload };
}

/** A machine with a port in each network, of which the second has no link yet. */
async function startMachine(namespace: string): Promise<Vm> {
  const vm = startVm(
    [
      ...['-S', '-machine', 'q35'],
      ...handOver('dragonfly.url=http://10.10.10.10:3000 dragonfly.token=enrol-with-this-token'),
      ...['-initrd', image()],
      ...[...tapPort, '-device', `virtio-net-pci,netdev=n0,id=nic-n0,romfile=,mac=${mac}`],
      ...['-netdev', 'tap,id=n1,ifname=tap1,script=no,downscript=no'],
      ...['-device', 'e1000e,netdev=n1,id=nic-n1,romfile=,mac=52:54:00:00:0a:02'],
    ],
    { namespace },
  );
  await vm.ask('set_link', { name: 'nic-n1', up: false });
  await vm.ask('cont');
  return vm;
}

it.skipIf(!runsAll || !hasNamespaces())(
  'a machine follows its network: leases, routes, names, ports and cables',
  async () => {
    const routes = '121,0.0.0.0/0,192.168.77.1,10.9.0.0/16,192.168.77.1';
    const options = ['26,1400', '42,192.168.77.1', routes];
    const { namespace, within, give, reload } = makeSite('192.168.77.30,first', ...options);
    const vm = await startMachine(namespace);
    const first = await settles(vm, 0, /NAME first/);
    expect(first).toMatch(/default via 192\.168\.77\.1 dev eth\d +metric \d+/);
    expect(first).toMatch(/10\.9\.0\.0\/16 via 192\.168\.77\.1 dev/);
    expect(first).toMatch(/src 192\.168\.77\.30[^]*mtu 1400[^]*ntpsrv=192\.168\.77\.1/);

    const gateway = '121,0.0.0.0/0,192.168.200.1';
    // The next renewal, after a minute, is refused: another address, and a gateway outside of its network.
    give('192.168.77.40', '12,no_name', '26,1450', '1,255.255.255.255', gateway);
    reload();
    let from = vm.console.length;
    const second = await settles(vm, from, /default via 192\.168\.200\.1 dev eth\d[^]*mtu 1450/);
    expect(second).not.toMatch(/10\.9\.0\.0|192\.168\.77\.30|192\.168\.77\.1 /);
    expect(second).toContain('NAME first');
    expect(vm.console).toContain("'no_name' is no host name: it stays first");

    // A switch that puts the port into another network, with its link left up.
    from = vm.console.length;
    within('link', 'set', 'tap0', 'master', 'br1');
    const third = await settles(vm, from, /default via 192\.168\.78\.1 dev eth\d/);
    expect(third).not.toContain('192.168.200.1');

    // Without BOOTIF, the cable moves to the other port.
    from = vm.console.length;
    await vm.ask('set_link', { name: 'nic-n0', up: false });
    await vm.ask('set_link', { name: 'nic-n1', up: true });
    const fourth = await settles(vm, from, /default via 192\.168\.200\.1 dev eth\d/);
    expect(fourth).not.toContain('192.168.78.1');

    // Both ports have a link, and the one that leads out leads nowhere any more.
    from = vm.console.length;
    await vm.ask('set_link', { name: 'nic-n0', up: true });
    await vm.waitFor(/eth\d is 192\.168\.78\.1\d\d/, 60_000, from);
    from = vm.console.length;
    within('link', 'set', 'tap1', 'nomaster');
    await vm.waitFor(/no answer from the server for \d+ s: trying by way of eth\d/, 120_000, from);
    // Until the lease of the other port ends, too.
    await vm.waitFor(/default via 192\.168\.78\.1 dev eth\d +metric 5/, 180_000, from);
    await settles(vm, from, /default via 192\.168\.78\.1 dev eth\d/);
    // Renewals, one each minute, do not complain again.
    const leases = vm.console.match(/eth\d is 192\.168\.77\.\d+\/32/g) ?? [];
    const complaints = vm.console.match(/is no host name/g) ?? [];
    expect(complaints.length).toBeLessThanOrEqual(leases.length);
  },
);

it.skipIf(!runsAll || !hasNamespaces())(
  'a machine has the address that is acknowledged, whatever was offered',
  async () => {
    const network = makeNetwork('192.168.77.1/24');
    ip('-n', network.namespace, 'route', 'add', '255.255.255.255', 'dev', 'br0');
    startServer(network, '0.0.0.0:3000');
    const addresses = [30, 40, 50].map((host) => `192.168.77.${host}`);
    const fickle = 'test/boot/network/fickle-dhcp.ts';
    network.inside(process.execPath, fickle, '192.168.77.1', ...addresses);
    const url = 'dragonfly.url=http://192.168.77.1:3000 dragonfly.token=enrol-with-this-token';
    const vm = startVm(
      [
        ...['-machine', 'q35', ...handOver(url), '-initrd', image(), ...tapPort],
        ...['-device', `virtio-net-pci,netdev=n0,romfile=,mac=${mac}`],
      ],
      { namespace: network.namespace },
    );
    await settles(vm, 0, /src 192\.168\.77\.40/);
    // The renewal has another one again.
    const from = vm.console.length;
    const renewed = await settles(vm, from, /src 192\.168\.77\.50/);
    expect(renewed).not.toContain('192.168.77.40');
    expect(vm.console).not.toContain('192.168.77.30');
  },
);
