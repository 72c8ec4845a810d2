// Two DHCP servers on one network, of which one is not meant: it answers first and leads nowhere, or gives an address
// that another machine has, or seems to have.
import { expect, it, onTestFinished } from 'vitest';
import type { Vm } from '../../../initramfs/machine/qemu.ts';
import { imageRunning, ownFile } from '../changed-image.ts';
import { handOver, runsAll, startVm } from '../harness.ts';
import {
  hasNamespaces,
  ip,
  makeNetwork,
  quietDnsmasq,
  startRouter,
  startServer,
  tapPort,
  type Network,
} from '../namespace.ts';

const can = runsAll && hasNamespaces();

/** The image with less patience: it waits half a minute for the server, where others wait a whole one. */
function image(): string {
  const path = 'lib/dragonfly/network/watch-ports';
  const watcher = ownFile(path);
  expect(watcher).toContain('\nunanswered=60\n');
  const hasty = watcher.replace('unanswered=60', 'unanswered=30');
  return imageRunning('#!/bin/sh\n', { [path]: hasty });
}

/** The DHCP server that is meant. */
function startDhcp({ inside }: Network, ...more: string[]): void {
  inside(
    'dnsmasq',
    ...[...quietDnsmasq(), '--port=0', '--dhcp-range=192.168.77.100,192.168.77.150,2m', ...more],
  );
}

const mac = '52:54:00:00:0d:01';

const serverUrl = 'http://192.168.77.1:3000';

function startMachine(network: Network, ...more: string[]): Vm {
  return startMachineWith(`dragonfly.url=${serverUrl}`, network, ...more);
}

function startMachineWith(parameters: string, { namespace }: Network, ...more: string[]): Vm {
  const device = ['-device', `virtio-net-pci,netdev=n0,romfile=,mac=${mac}`];
  const args = [
    '-machine',
    'q35',
    ...handOver(`${parameters} dragonfly.token=enrol-with-this-token`),
    '-initrd',
    image(),
    ...tapPort,
    ...device,
    ...more,
  ];
  return startVm(args, { namespace });
}

it.skipIf(!can)(
  'a DHCP server that answers first and leads nowhere is left for another',
  async () => {
    const network = makeNetwork('192.168.77.1/24');
    startServer(network, '192.168.77.1:3000');
    startDhcp(network, '--dhcp-reply-delay=3', '--dhcp-authoritative');
    // Its network is another one, to which there is no way from here.
    startRouter(network, '10.66.0');
    const vm = startMachine(network);
    await vm.waitFor(/eth0 is 10\.66\.0\.\d+\/24/, 120_000);
    await vm.waitFor(/eth0 has a lease of another DHCP server, 192\.168\.77\.1\s/, 120_000);
    await vm.waitFor(/eth0 is 192\.168\.77\.1\d\d\/24/, 30_000);
    await vm.waitFor(/INFO checked in/, 60_000);
    // Its renewal, after a minute, changes nothing.
    const from = vm.console.length;
    await expect(vm.waitFor(/eth0 is 10\.66|server does not answer/, 90_000, from)).rejects.toThrow(
      '90 s passed',
    );
  },
);

it.skipIf(!can).each([
  ['names a server that is none', ['--dhcp-option-force=224,http://10.66.0.254:3000']],
  ['names no server', []],
] as const)('a DHCP server that answers first and %s is left for another', async (_name, named) => {
  const network = makeNetwork('192.168.77.1/24');
  startServer(network, '192.168.77.1:3000');
  const own = `--dhcp-option-force=224,${serverUrl}`;
  startDhcp(network, '--dhcp-reply-delay=3', '--dhcp-authoritative', own);
  startRouter(network, '10.66.0', undefined, ...named);
  const vm = startMachineWith('', network);
  await vm.waitFor(/eth0 is 10\.66\.0\.\d+\/24/, 120_000);
  await vm.waitFor(/eth0 has a lease of another DHCP server, 192\.168\.77\.1\s/, 120_000);
  await expect(vm.waitFor(/INFO checked in/, 60_000)).resolves.toBeDefined();
});

it.skipIf(!can)('an address that another machine has is given back', async () => {
  const network = makeNetwork('192.168.77.1/24');
  startServer(network, '192.168.77.1:3000');
  const taken = '192.168.77.100';
  addHost(network, taken);
  startDhcp(
    network,
    // Unicast answers would tell this host's kernel the machine's own address.
    ...['--dhcp-authoritative', '--no-ping', '--dhcp-broadcast'],
    `--dhcp-host=${mac},${taken}`,
  );
  const vm = startMachine(network);
  await vm.waitFor(/eth0 is 192\.168\.77\.100\/24/, 120_000);
  await vm.waitFor(/another machine has the address of eth0/, 120_000);
  await vm.waitFor(/eth0 is 192\.168\.77\.1(?!00)\d\d\/24/, 60_000);
  await expect(vm.waitFor(/INFO checked in/, 60_000)).resolves.toBeDefined();
});

it.skipIf(!can)('two ports on one network do not pass for two machines', async () => {
  const network = makeNetwork('192.168.77.1/24');
  startDhcp(network, '--dhcp-authoritative', '--no-ping', '--dhcp-broadcast');
  ip('-n', network.namespace, 'tuntap', 'add', 'tap1', 'mode', 'tap');
  ip('-n', network.namespace, 'link', 'set', 'tap1', 'master', 'br0', 'up');
  const vm = startMachine(
    network,
    ...['-netdev', 'tap,id=n1,ifname=tap1,script=no,downscript=no'],
    ...['-device', 'virtio-net-pci,netdev=n1,romfile=,mac=52:54:00:00:0d:03'],
  );
  await vm.waitFor(/(by way of[^]*){3}/, 240_000);
  expect(vm.console).toMatch(/eth0 is 192[^]*eth1 is 192|eth1 is 192[^]*eth0 is 192/);
  expect(vm.console).not.toContain('another machine has the address');
});

/** Another machine on the network, which the server takes for the owner of its address. */
function addHost({ namespace }: Network, address: string): void {
  const [host, owner] = [`${namespace}-host`, '52:54:00:00:0d:02'];
  ip('netns', 'add', host);
  onTestFinished(() => ip('netns', 'delete', host));
  ip('-n', namespace, 'link', 'add', 'port1', 'type', 'veth', 'peer', 'name', 'lan', 'netns', host);
  ip('-n', namespace, 'link', 'set', 'port1', 'master', 'br0', 'up');
  ip('-n', host, 'link', 'set', 'lan', 'address', owner, 'up');
  ip('-n', host, 'address', 'add', `${address}/24`, 'dev', 'lan');
  ip('-n', namespace, 'neigh', 'add', address, 'lladdr', owner, 'dev', 'br0', 'nud', 'permanent');
}
