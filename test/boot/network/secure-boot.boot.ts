// Secure Boot with Microsoft's keys: firmware starts shim, that Debian's GRUB, and that a kernel which Debian signed
// and no other. Beside a DHCP server that names this one, since Debian's GRUB knows no proxy. And with a key of an
// operator's own, for which OVMF's example stands: firmware starts the whole image and no other.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { architectures, type Arch } from '../../../initramfs/arch.ts';
import { buildUnified } from '../../../initramfs/build-unified.ts';
import type { Vm } from '../../../initramfs/machine/qemu.ts';
import { temporaryDirectory } from '../../server/harness.ts';
import { bootDir, canBoot, canBootArm, runsAll, startVm, steadyClock } from '../harness.ts';
import {
  hasNamespaces,
  makeNetwork,
  startRouter,
  startServerWith,
  tapPort,
  type Network,
} from '../namespace.ts';

const microsoft = '/usr/share/OVMF/OVMF_VARS_4M.ms.fd';
/** The variables that trust OVMF's example key alone, and that key. */
const own = {
  variables: '/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd',
  key: '/usr/share/ovmf/PkKek-1-snakeoil.key',
  cert: '/usr/share/ovmf/PkKek-1-snakeoil.pem',
};
/** For arm64. */
const ownArm = {
  variables: '/usr/share/AAVMF/AAVMF_VARS.snakeoil.fd',
  key: '/usr/share/qemu-efi-aarch64/PkKek-1-snakeoil.key',
  cert: '/usr/share/qemu-efi-aarch64/PkKek-1-snakeoil.pem',
};
const image = ['kernel', 'initramfs', 'tools'];
const signed = [...image, 'shimx64.efi', 'grubx64.efi'];
const areThere = (...paths: string[]): boolean => paths.every((path) => existsSync(path));
const can =
  canBoot &&
  hasNamespaces() &&
  areThere(microsoft, ...signed.map((file) => join(bootDir, 'x86_64', file)));

/** A boot directory without iPXE, where machines so are offered what else is there. */
function dirWith(files: readonly string[], arch: Arch = 'x64'): string {
  const dir = temporaryDirectory();
  const { boot: name } = architectures[arch];
  mkdirSync(join(dir, name));
  for (const file of files) symlinkSync(join(bootDir, name, file), join(dir, name, file));
  return dir;
}

/** Puts a signed image, which knows the server's address, into a boot directory. */
function addUnified(dir: string, arch: Arch, { key: from, cert }: typeof own): string {
  const { boot: name, qemu } = architectures[arch];
  const unified = join(dir, name, 'agent.efi');
  const key = join(dir, 'key.pem');
  // OVMF gives the password with the key.
  execFileSync('openssl', ['rsa', '-in', from, '-passin', 'pass:snakeoil', '-out', key], {
    stdio: 'pipe',
  });
  const append = `console=${qemu.console} dragonfly.url=http://192.168.77.1:3000`;
  buildUnified({ arch, image: join(dir, name), append, key, cert, output: unified });
  return unified;
}

/** No program changes the keys. */
const guarded = [
  ...['-machine', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'],
];

function boot(dir: string, variables: string, arch: Arch = 'x64'): Vm {
  return bootWatched(dir, variables, arch).vm;
}

/** As boot, with further arguments, and the network and the server that the machine boots from. */
function bootWatched(dir: string, variables: string, arch: Arch = 'x64', ...more: string[]) {
  const network = makeNetwork('192.168.77.1/24');
  startRouter(network, '192.168.77', '192.168.77.1');
  const server = startServerWith(
    { dir, console: architectures[arch].qemu.console },
    network,
    '192.168.77.1:3000',
    '--netboot',
    '192.168.77.1',
  );
  const device = ['-device', 'virtio-net-pci,netdev=n0,romfile=,bootindex=0'];
  const vm = startVm([...(arch === 'x64' ? guarded : []), ...tapPort, ...device, ...more], {
    arch,
    namespace: network.namespace,
    secureBoot: variables,
  });
  return { vm, server, network };
}

/** The bytes that a machine on this network was sent. */
function sentBytes({ namespace }: Network): number {
  const args = ['-n', namespace, '-s', '-j', 'link', 'show', 'tap0'];
  const [link] = JSON.parse(execFileSync('ip', args, { encoding: 'utf8' }));
  return link.stats64.tx.bytes;
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

it.skipIf(!can || !runsAll)(
  'boots on after a server that hung in the middle of the initramfs (2 min)',
  async () => {
    const dir = dirWith(signed);
    const { vm, server, network } = bootWatched(dir, microsoft, 'x64', ...steadyClock);
    await vm.waitFor(/Loading the agent's image/, 300_000);
    const before = sentBytes(network);
    await expect
      .poll(() => sentBytes(network), { timeout: 60_000 })
      .toBeGreaterThan(before + 5_000_000);
    server.kill('SIGSTOP');
    await vm.waitFor(/The server did not answer/, 300_000);
    server.kill('SIGCONT');
    await vm.waitFor(/INFO checked in/, 300_000);
    expect(vm.console.match(/Loading the kernel/g)).toHaveLength(1);
  },
);

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
    function unifiedDir(): { dir: string; unified: string } {
      const dir = dirWith(image);
      return { dir, unified: addUnified(dir, 'x64', own) };
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
      await vm.waitFor(/Access Denied|Security Violation/, 900_000);
      expect(vm.console).not.toContain('Linux version');
    });
  },
);

it.skipIf(!canBootArm || !runsAll || !hasNamespaces() || !areThere(...Object.values(ownArm)))(
  'an arm64 machine boots a unified image with a key of its own',
  async () => {
    const dir = dirWith(image, 'arm64');
    addUnified(dir, 'arm64', ownArm);
    const vm = boot(dir, ownArm.variables, 'arm64');
    await vm.waitFor(/INFO checked in/, 480_000);
    expect(vm.console).toMatch(/[Ss]ecure boot enabled/);
  },
);
