// The dnsmasq settings of the documentation, in network namespaces of the test's own: a bridge with
// the server, the machine and, for proxyDHCP, another DHCP server behind a router.
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { handOver, runsAll, startVm } from '../harness.ts';
import {
  dnsmasqArgs,
  hasNamespaces,
  ipxeEfi,
  makeNetwork,
  quietDnsmasq,
  startRouter,
  startServer,
  tapPort,
} from '../namespace.ts';

const url = 'http://192.168.77.1:3000';
const can = runsAll && hasNamespaces() && existsSync(ipxeEfi);

it.skipIf(!can)(
  'boots a machine with dnsmasq as the DHCP server, which hands out its token',
  async () => {
    const network = makeNetwork('192.168.77.1/24');
    const { namespace, inside } = network;
    startServer(network, '192.168.77.1:3000');
    inside('dnsmasq', ...dnsmasqArgs('full', url));
    const vm = startVm([...tapPort, '-device', 'e1000,netdev=n0'], { namespace });
    await vm.waitFor(/INFO checked in/, 240_000);
    expect(vm.console).toMatch(/eth0 is 192\.168\.77\.1\d\d\/24/);
  },
);

it.skipIf(!can).each([
  ['UEFI', 'virtio-net-pci,netdev=n0,romfile=,bootindex=0', true],
  // QEMU's own ROM is an iPXE for BIOS.
  ['BIOS', 'e1000,netdev=n0,bootindex=0', false],
])('boots a %s machine with dnsmasq beside another DHCP server', async (_name, device, uefi) => {
  const network = makeNetwork('192.168.77.1/24');
  const { namespace, inside } = network;
  startRouter(network, '192.168.77');
  startServer(network, '192.168.77.1:3000');
  inside('dnsmasq', ...dnsmasqArgs('proxy', url));
  const vm = startVm(
    // Without a ROM of its own the firmware's PXE client boots.
    ['-machine', 'q35', ...tapPort, '-device', device],
    { namespace, uefi },
  );
  await vm.waitFor(/INFO checked in/, 240_000);
  expect(vm.console).toMatch(/eth0 is 192\.168\.77\.3\d\/24/);
});

it.skipIf(!can)('takes what a hostile DHCP server says for data', async () => {
  const network = makeNetwork('192.168.77.1/24');
  startServer(network, '192.168.77.1:3000');
  const hostile = '$(reboot);`reboot`|reboot&&reboot\n*"\'\\';
  network.inside(
    'dnsmasq',
    ...[...quietDnsmasq(), '--port=0', '--dhcp-range=192.168.77.100,192.168.77.200,1h'],
    // Host name, domain, boot file, server and root path, search list and the agent's own.
    ...[12, 15, 17, 66, 67, 224].map((option) => `--dhcp-option-force=${option},${hostile}`),
    `--dhcp-option-force=43,${'x'.repeat(250)}`,
  );
  const vm = startVm(
    [
      ...handOver('dragonfly.url=http://192.168.77.1:3000 dragonfly.token=enrol-with-this-token'),
      ...[...tapPort, '-device', 'virtio-net-pci,netdev=n0,romfile=,mac=52:54:00:00:06:02'],
    ],
    { namespace: network.namespace },
  );
  await vm.waitFor(/INFO checked in/, 240_000);
  expect(vm.console).toMatch(/eth0 is 192\.168\.77\.1\d\d\/24/);
  expect(vm.console.match(/Linux version/g)).toHaveLength(1);
});
