// `dragonfly-server --netboot` beside another DHCP server, in a network namespace: firmware of each kind finds
// its loader by the server's own ProxyDHCP and TFTP, or by HTTP.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bootDir, canBoot, canBootArm, runsAll, startVm } from '../harness.ts';
import {
  hasNamespaces,
  makeNetwork,
  noPxe,
  startRouter,
  startServer,
  startServerWith,
  tapPort,
} from '../namespace.ts';

const can = canBoot && hasNamespaces() && existsSync(join(bootDir, 'x86_64', 'ipxe.efi'));

/** Without a ROM of the card's own the firmware's PXE client boots; QEMU's ROM is an iPXE. */
const noRom = 'virtio-net-pci,netdev=n0,romfile=,bootindex=0';

it.skipIf(!can).for([
  ['UEFI', noRom, true, [], true],
  ['BIOS, by iPXE in the card', 'e1000,netdev=n0,bootindex=0', false, [], true],
  ['UEFI, by HTTP boot', noRom, true, noPxe, runsAll],
] as const)('boots a machine: %s', async ([, device, uefi, more, isWanted], { skip }) => {
  if (!isWanted) skip();
  const network = makeNetwork('192.168.77.1/24');
  startRouter(network, '192.168.77');
  startServer(network, '192.168.77.1:3000', '--netboot', '192.168.77.1');
  const args = ['-machine', 'q35', ...tapPort, '-device', device, ...more];
  const vm = startVm(args, { namespace: network.namespace, uefi });
  await vm.waitFor(/INFO checked in/, 240_000);
  expect(vm.console).toMatch(/eth0 is 192\.168\.77\.3\d\/24/);
});

const canByGrub =
  canBootArm && runsAll && hasNamespaces() && existsSync(join(bootDir, 'arm64', 'shimaa64.efi'));

it.skipIf(!canByGrub)('boots an arm64 machine with UEFI, by GRUB', async () => {
  const network = makeNetwork('192.168.77.1/24');
  startRouter(network, '192.168.77', '192.168.77.1');
  startServerWith(
    { console: 'ttyAMA0' },
    network,
    '192.168.77.1:3000',
    '--netboot',
    '192.168.77.1',
  );
  const vm = startVm([...tapPort, '-device', noRom], {
    arch: 'arm64',
    namespace: network.namespace,
    uefi: true,
  });
  await vm.waitFor(/INFO checked in/, 480_000);
  expect(vm.console).toContain('Loading the kernel from http://192.168.77.1:3000');
});
