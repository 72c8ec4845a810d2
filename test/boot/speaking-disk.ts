// Disks that only say that they were started, by a BIOS or by UEFI.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Apt } from '../../initramfs/content/packages.ts';
import { run } from '../../initramfs/tools.ts';
import { temporaryDirectory } from '../server/harness.ts';

export const says = 'the disk was started';

/** A boot sector that writes to the serial port. */
export function biosDisk(path: string): void {
  const letters = [...Buffer.from(`${says}\r\n`)].flatMap((letter) => [0xb0, letter, 0xee]);
  // mov dx, 3f8h; for each letter mov al, LETTER; out dx, al; then hlt; jmp to it.
  const code = Buffer.from([0xba, 0xf8, 0x03, ...letters, 0xf4, 0xeb, 0xfd]);
  const disk = Buffer.alloc(1 << 20);
  code.copy(disk);
  disk.writeUInt16LE(0xaa_55, 510);
  writeFileSync(path, disk);
}

/** An EFI system partition with a loader: where a system has its own, and firmware does not look, unless it says otherwise. */
export function efiDisk(path: string, place = '/EFI/debian/grubx64.efi'): void {
  const folder = temporaryDirectory();
  const [script, loader] = [join(folder, 'grub.cfg'), join(folder, 'grubx64.efi')];
  writeFileSync(script, `echo "${says}"\nsleep 1000\n`);
  const { root } = new Apt('x64').fetch('grub-efi-amd64-bin');
  const modules = join(root, 'usr', 'lib', 'grub', 'x86_64-efi');
  const form = ['-d', modules, '-O', 'x86_64-efi', '-o', loader, '-c', script, '-p', '/'];
  run('grub-mkimage', [...form, 'echo', 'sleep']);
  run('truncate', ['--size', '8M', path]);
  run('mformat', ['-i', path, '-v', 'ESP', '::']);
  run('mmd', ['-i', path, '::/EFI', `::${place.replace(/\/[^/]*$/, '')}`]);
  run('mcopy', ['-i', path, loader, `::${place}`]);
}

/** QEMU's arguments for a disk that is tried after the network. */
export function nextDisk(path: string): string[] {
  const drive = ['-drive', `if=none,id=d0,format=raw,file=${path}`];
  return [...drive, '-device', 'virtio-blk-pci,drive=d0,bootindex=1'];
}
