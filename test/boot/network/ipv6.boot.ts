// Networks without any IPv4: addresses by router advertisement or by DHCPv6, the server by its address
// or by name.
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { handOver, runsAll, startVm } from '../harness.ts';
import {
  dnsmasqArgs,
  hasNamespaces,
  ipxeEfi,
  makeNetwork,
  quietDnsmasq,
  noPxe,
  startServer,
  tapPort,
} from '../namespace.ts';

const withRouter = [
  ...['--no-resolv', '--no-hosts', '--enable-ra', '--address=/dragonfly.example/fd77::1'],
];

it.skipIf(!runsAll || !hasNamespaces()).each([
  ['router advertisements', 'fd77::,ra-only', 'http://[fd77::1]:3000', /eth0 is fd77::5054:ff:/],
  ['DHCPv6', 'fd77::100,fd77::1ff,64,1h', 'http://dragonfly.example:3000', /eth0 is fd77::1\w\w\n/],
] as const)('a machine checks in over IPv6 alone, by %s', async (_, range, url, address) => {
  const network = makeNetwork('fd77::1/64');
  startServer(network, '[fd77::1]:3000');
  network.inside('dnsmasq', ...quietDnsmasq(), ...withRouter, `--dhcp-range=${range}`);
  const vm = startVm(
    [
      ...handOver(`dragonfly.url=${url} dragonfly.token=enrol-with-this-token`),
      ...[...tapPort, '-device', 'virtio-net-pci,netdev=n0,romfile=,mac=52:54:00:00:06:01'],
    ],
    { namespace: network.namespace },
  );
  await vm.waitFor(/INFO checked in/, 240_000);
  expect(vm.console.replaceAll('\r', '')).toMatch(address);
  expect(vm.console).not.toMatch(/eth0 is \d+\./);
});

it.skipIf(!runsAll || !hasNamespaces() || !existsSync(ipxeEfi)).each([
  ['PXE', []],
  ['HTTP boot', noPxe],
])(
  'a UEFI machine boots over IPv6 alone by %s, with the lines of dnsmasq that the documentation has',
  async (_, more) => {
    const network = makeNetwork('fd00:77::1/64');
    startServer(network, '[fd00:77::1]:3000');
    const withIpv6 = (text: string): string =>
      text.replace(/^# IPv6[^]*?^# An/m, (lines) => lines.replaceAll(/^#(?=\S)/gm, ''));
    network.inside('dnsmasq', ...dnsmasqArgs('full', 'http://[fd00:77::1]:3000', withIpv6));
    const device = 'virtio-net-pci,netdev=n0,romfile=,bootindex=0';
    const vm = startVm(['-machine', 'q35', ...tapPort, '-device', device, ...more], {
      namespace: network.namespace,
      uefi: true,
    });
    await vm.waitFor(/INFO checked in/, 480_000);
    expect(vm.console).toMatch(/eth0 is fd00:77::1\w\w/);
  },
);
