// Secure Boot with Microsoft's keys: firmware starts shim, that Debian's GRUB, and that a kernel which Debian signed
// and no other. Beside a DHCP server that names this one, since Debian's GRUB knows no proxy. And with a key of an
// operator's own, for which OVMF's example stands: firmware starts the whole image and no other.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildUnified } from '../../initramfs/build-unified.ts';
import type { Vm } from '../../initramfs/qemu.ts';
import { temporaryDirectory } from '../server/harness.ts';
import { bootDir, canBoot, runsAll, startVm } from './harness.ts';
import { hasNamespaces, makeNetwork, startRouter, startServerWith, tapPort } from './namespace.ts';

const microsoft = '/usr/share/OVMF/OVMF_VARS_4M.ms.fd';
/** The variables that trust OVMF's example key alone, and that key. */
const own = {
  variables: '/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd',
  key: '/usr/share/ovmf/PkKek-1-snakeoil.key',
  cert: '/usr/share/ovmf/PkKek-1-snakeoil.pem',
};
const image = ['kernel', 'initramfs', 'tools'];
const signed = [...image, 'shimx64.efi', 'grubx64.efi'];
const areThere = (...paths: string[]): boolean => paths.every((path) => existsSync(path));
const can =
  canBoot &&
  hasNamespaces() &&
  areThere(microsoft, ...signed.map((file) => join(bootDir, 'x86_64', file)));

/** A boot directory without iPXE, where machines so are offered what else is there. */
function dirWith(files: readonly string[]): string {
  const dir = temporaryDirectory();
  mkdirSync(join(dir, 'x86_64'));
  for (const file of files) symlinkSync(join(bootDir, 'x86_64', file), join(dir, 'x86_64', file));
  return dir;
}

function boot(dir: string, variables: string): Vm {
  const network = makeNetwork('192.168.77.1/24');
  startRouter(network, '192.168.77', '192.168.77.1');
  startServerWith({ dir }, network, '192.168.77.1:3000', '--netboot', '192.168.77.1');
  const device = ['-device', 'virtio-net-pci,netdev=n0,romfile=,bootindex=0'];
  return startVm(
    [
      ...['-machine', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'],
      ...[...tapPort, ...device],
    ],
    { namespace: network.namespace, secureBoot: variables },
  );
}

/** The bytes with one bit changed. */
function changedAt(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

it.skipIf(!can)('boots what Debian signed, and registers', async () => {
  const vm = boot(dirWith(signed), microsoft);
  await vm.waitFor(/INFO checked in/, 300_000);
  expect(vm.console).toContain('Secure boot enabled');
  expect(vm.console).toMatch(/Kernel is locked down from EFI Secure Boot/);
});

it.skipIf(!can || !runsAll)('refuses a kernel that was changed, and says so', async () => {
  const dir = dirWith(signed.filter((file) => file !== 'kernel'));
  const kernel = readFileSync(join(bootDir, 'x86_64', 'kernel'));
  writeFileSync(join(dir, 'x86_64', 'kernel'), changedAt(kernel, kernel.length >> 1));
  const vm = boot(dir, microsoft);
  await vm.waitFor(/bad shim signature/, 300_000);
  await vm.waitFor(/That failed\. Trying again in 2 s\./, 120_000);
  expect(vm.console).not.toContain('Linux version');
});

describe.skipIf(!can || !runsAll || !areThere(...Object.values(own)))(
  'with a key of its own',
  () => {
    /** A boot directory with a signed image, which knows the server's address. */
    function unifiedDir(): { dir: string; unified: string } {
      const dir = dirWith(image);
      const unified = join(dir, 'x86_64', 'agent.efi');
      const key = join(dir, 'key.pem');
      // OVMF gives the password with the key.
      const password = ['-passin', 'pass:snakeoil'];
      execFileSync('openssl', ['rsa', '-in', own.key, ...password, '-out', key], { stdio: 'pipe' });
      const append = 'console=ttyS0 dragonfly.url=http://192.168.77.1:3000';
      buildUnified({ image: join(dir, 'x86_64'), append, key, cert: own.cert, output: unified });
      return { dir, unified };
    }

    it('boots a unified image, which registers by the secret that it asks for', async () => {
      const vm = boot(unifiedDir().dir, own.variables);
      await vm.waitFor(/INFO checked in/, 300_000);
      expect(vm.console).toContain('Secure boot enabled');
    });

    it('refuses one whose initramfs was changed, and says so', async () => {
      const { dir, unified } = unifiedDir();
      const bytes = readFileSync(unified);
      const initramfs = readFileSync(join(bootDir, 'x86_64', 'initramfs'));
      const at = bytes.indexOf(initramfs.subarray(0, 4096));
      expect(at).toBeGreaterThan(0);
      writeFileSync(unified, changedAt(bytes, at + (initramfs.length >> 1)));
      const vm = boot(dir, own.variables);
      await vm.waitFor(/Access Denied|Security Violation/, 300_000);
      expect(vm.console).not.toContain('Linux version');
    });
  },
);
