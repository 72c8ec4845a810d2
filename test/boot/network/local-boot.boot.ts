// The way to the disk by a loader from the server: for each firmware, a disk that only says that it was started.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Apt } from '../../../initramfs/content/packages.ts';
import { run } from '../../../initramfs/tools.ts';
import { localDiskScript } from '../../../src/netboot/boot-script.ts';
import { temporaryDirectory } from '../../server/harness.ts';
import { BootServer, bootDir, runsAll, startVm } from '../harness.ts';

const can =
  runsAll && ['local.efi', 'local.pxe'].every((name) => existsSync(join(bootDir, 'x86_64', name)));
const says = 'the disk was started';

/** A boot sector that writes to the serial port. */
function biosDisk(path: string): void {
  const letters = [...Buffer.from(`${says}\r\n`)].flatMap((letter) => [0xb0, letter, 0xee]);
  // mov dx, 3f8h; for each letter mov al, LETTER; out dx, al; then hlt; jmp to it.
  const code = Buffer.from([0xba, 0xf8, 0x03, ...letters, 0xf4, 0xeb, 0xfd]);
  const disk = Buffer.alloc(1 << 20);
  code.copy(disk);
  disk.writeUInt16LE(0xaa_55, 510);
  writeFileSync(path, disk);
}

/** An EFI system partition with a loader where a system has its own, and firmware does not look. */
function efiDisk(path: string): void {
  const folder = temporaryDirectory();
  const [script, loader] = [join(folder, 'grub.cfg'), join(folder, 'grubx64.efi')];
  writeFileSync(script, `echo "${says}"\nsleep 1000\n`);
  const { root } = new Apt('x64').fetch('grub-efi-amd64-bin');
  const modules = join(root, 'usr', 'lib', 'grub', 'x86_64-efi');
  const form = ['-d', modules, '-O', 'x86_64-efi', '-o', loader, '-c', script, '-p', '/'];
  run('grub-mkimage', [...form, 'echo', 'sleep']);
  run('truncate', ['--size', '8M', path]);
  run('mformat', ['-i', path, '-v', 'ESP', '::']);
  run('mmd', ['-i', path, '::/EFI', '::/EFI/debian']);
  run('mcopy', ['-i', path, loader, '::/EFI/debian/grubx64.efi']);
}

it.skipIf(!can).each([
  ['UEFI', true, efiDisk],
  ['BIOS', false, biosDisk],
] as const)('chain starts the loader on the disk: %s', async (_name, uefi, make) => {
  const server = await BootServer.start();
  const folder = temporaryDirectory();
  const disk = join(folder, 'disk.img');
  make(disk);
  // Without the script's end, which has the firmware go on to the disk by itself.
  const script = localDiskScript('chain', server.guestUrl).replace(/exit 1\n$/, 'sleep 600\n');
  writeFileSync(join(folder, 'start.ipxe'), script);
  const vm = startVm(
    [
      ...['-machine', 'q35', '-netdev', `user,id=n0,tftp=${folder},bootfile=start.ipxe`],
      ...['-device', 'virtio-net-pci,netdev=n0,bootindex=0'],
      ...['-drive', `if=none,id=d0,format=raw,file=${disk}`],
      // UEFI shows those disks alone that it may boot from itself.
      ...['-device', 'virtio-blk-pci,drive=d0,bootindex=1'],
    ],
    { uefi },
  );
  const { input } = await vm.waitFor(new RegExp(says), 120_000);
  expect(script).toContain('sleep 600');
  expect(input.includes('Starting (hd0)/EFI/debian/grubx64.efi')).toBe(uefi);
});
