// Secure Boot with Microsoft's keys: firmware starts shim, that Debian's GRUB, and that a kernel which Debian signed
// and no other. Beside a DHCP server that names this one, since Debian's GRUB knows no proxy.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Vm } from '../../initramfs/qemu.ts';
import { temporaryDirectory } from '../server/harness.ts';
import { bootDir, canBoot, runsAll, startVm } from './harness.ts';
import { hasNamespaces, makeNetwork, startRouter, startServerWith, tapPort } from './namespace.ts';

const microsoft = '/usr/share/OVMF/OVMF_VARS_4M.ms.fd';
const needed = ['kernel', 'initramfs', 'tools', 'shimx64.efi', 'grubx64.efi'];
const can =
  canBoot &&
  hasNamespaces() &&
  existsSync(microsoft) &&
  needed.every((file) => existsSync(join(bootDir, 'x86_64', file)));

/** A boot directory without iPXE, where machines so are offered shim. */
function signedDir(): string {
  const dir = temporaryDirectory();
  mkdirSync(join(dir, 'x86_64'));
  for (const file of needed) symlinkSync(join(bootDir, 'x86_64', file), join(dir, 'x86_64', file));
  return dir;
}

function boot(dir: string): Vm {
  const network = makeNetwork('192.168.77.1/24');
  startRouter(network, '192.168.77', '192.168.77.1');
  startServerWith(dir, network, '192.168.77.1:3000', '--netboot', '192.168.77.1');
  const device = ['-device', 'virtio-net-pci,netdev=n0,romfile=,bootindex=0'];
  return startVm(
    [
      ...['-machine', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'],
      ...[...tapPort, ...device],
    ],
    { namespace: network.namespace, secureBoot: microsoft },
  );
}

it.skipIf(!can)('boots what Debian signed, and registers', async () => {
  const vm = boot(signedDir());
  await vm.waitFor(/INFO checked in/, 240_000);
  expect(vm.console).toContain('Secure boot enabled');
  expect(vm.console).toMatch(/Kernel is locked down from EFI Secure Boot/);
});

it.skipIf(!can || !runsAll)('refuses a kernel that was changed, and says so', async () => {
  const dir = signedDir();
  const path = join(dir, 'x86_64', 'kernel');
  const kernel = readFileSync(path);
  // A byte amid the compressed kernel.
  kernel[kernel.length >> 1] = (kernel[kernel.length >> 1] ?? 0) ^ 1;
  const changed = temporaryDirectory();
  mkdirSync(join(changed, 'x86_64'));
  for (const file of needed) copyFileSync(join(dir, 'x86_64', file), join(changed, 'x86_64', file));
  writeFileSync(join(changed, 'x86_64', 'kernel'), kernel);
  const vm = boot(changed);
  await vm.waitFor(/bad shim signature/, 240_000);
  await vm.waitFor(/That failed\. Trying again in 2 s\./, 60_000);
  expect(vm.console).not.toContain('Linux version');
});
