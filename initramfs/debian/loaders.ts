// GRUB for a disk image, put in place without mounting anything: for a BIOS into the boot sector and a
// partition of its own, for UEFI into the EFI system partition, where firmware looks by itself.
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { architectures, type Arch } from '../arch.ts';
import type { Apt } from '../content/packages.ts';
import { run } from '../tools.ts';

export const rootLabel = 'debian-root';
export const efiPartition = { startMiB: 2, sizeMiB: 16 } as const;
export const rootPartition = { startMiB: 18 } as const;

const biosSectorBytes = 512;
/** The first sector of the partition for a BIOS. */
const coreStart = 2048;
const coreMaxBytes = 1024 * 1024;

/** Both loaders find the root by its label and read its grub.cfg. */
const start = `search --no-floppy --label ${rootLabel} --set=root
set prefix=($root)/boot/grub
configfile /boot/grub/grub.cfg
`;
const modules =
  'part_gpt ext2 search search_label search_fs_uuid configfile linux normal echo all_video serial terminal'.split(
    ' ',
  );

export interface LoaderOptions {
  readonly arch: Arch;
  readonly sectorBytes: 512 | 4096;
  /** Paths in the root. */
  readonly kernel: string;
  readonly initrd: string;
}

/** Writes the loaders to the image, and grub.cfg, which belongs into the root's /boot/grub, to `work`. No BIOS
 *  boots another processor, or from sectors that are larger. */
export function addLoaders(raw: string, work: string, apt: Apt, options: LoaderOptions): void {
  const { arch, sectorBytes, kernel, initrd } = options;
  const { grub, qemu } = architectures[arch];
  writeFileSync(
    join(work, 'grub.cfg'),
    `set timeout=0
menuentry "Debian" {
  linux ${kernel} root=LABEL=${rootLabel} ro quiet console=tty0 console=${qemu.console}
  initrd ${initrd}
}
`,
  );
  const early = join(work, 'early.cfg');
  writeFileSync(early, start);
  const make = (format: string, root: string, more: readonly string[]): string => {
    const output = join(work, `${format}.img`);
    const directory = join(root, 'usr', 'lib', 'grub', format);
    const places = ['-d', directory, '-O', format, '-o', output, '-c', early, '-p', '/boot/grub'];
    run('grub-mkimage', [...places, ...modules, ...more]);
    return output;
  };
  if (arch === 'x64' && sectorBytes === biosSectorBytes) {
    const { root } = apt.fetch('grub-pc-bin');
    const folder = join(root, 'usr', 'lib', 'grub', 'i386-pc');
    writeBios(raw, join(folder, 'boot.img'), make('i386-pc', root, ['biosdisk']));
  }
  const { root } = apt.fetch(grub.package);
  writeEfi(raw, make(grub.format, root, ['fat', 'efi_gop']), grub.loader, sectorBytes);
}

/** The boot sector loads the first sector of the core, which loads the rest: each is told where it is.
 *  Source: GRUB 2.06, include/grub/i386/pc/boot.h (kernel sector at 5Ch) and diskboot.h (the list of blocks at
 *  1F4h: sector, count, segment). */
function writeBios(raw: string, bootSector: string, coreFile: string): void {
  const boot = readFileSync(bootSector);
  const core = readFileSync(coreFile);
  if (core.length > coreMaxBytes) throw new Error(`${coreFile} does not fit into its partition`);
  boot.writeBigUInt64LE(BigInt(coreStart), 0x5c);
  core.writeBigUInt64LE(BigInt(coreStart + 1), 0x1f4);
  core.writeUInt16LE(Math.ceil(core.length / biosSectorBytes) - 1, 0x1fc);
  const file = openSync(raw, 'r+');
  try {
    // The rest of the first sector is the partition table's.
    writeSync(file, boot, 0, 440, 0);
    writeSync(file, core, 0, core.length, coreStart * biosSectorBytes);
  } finally {
    closeSync(file);
  }
}

function writeEfi(raw: string, made: string, loader: string, sectorBytes: number): void {
  const { startMiB, sizeMiB } = efiPartition;
  const inside = `${raw}@@${startMiB}M`;
  const sectors = String((sizeMiB * 1024 * 1024) / sectorBytes);
  // As a power of two, counted from 128 bytes.
  const size = String(Math.log2(sectorBytes) - 7);
  const shape = ['-T', sectors, '-S', size, '-h', '64', '-s', '32'];
  run('mformat', ['-i', inside, '-v', 'ESP', ...shape, '::']);
  run('mmd', ['-i', inside, '::/EFI', '::/EFI/BOOT']);
  run('mcopy', ['-i', inside, made, `::/EFI/BOOT/${loader}`]);
}
