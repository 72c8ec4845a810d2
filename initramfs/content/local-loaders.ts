// The loaders of the setting `boot.local` = `chain`: GRUB that starts the system on a machine's disk, without the
// disk functions of iPXE and of the firmware's boot order, on which some hang. See docs/netboot.md.
import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { diskLoader } from '../../src/netboot/grub-script.ts';
import { architectures, type Arch } from '../arch.ts';
import type { Apt, DebianPackage } from './packages.ts';
import { run } from '../tools.ts';

const efiModules =
  'memdisk tar normal part_gpt part_msdos fat chain regexp test echo minicmd'.split(' ');
const biosModules = 'biosdisk chain boot part_msdos minicmd'.split(' ');
/** The boot sector of the first disk. */
const biosScript = 'set root=(hd0)\nchainloader +1\nboot\nexit\n';

/** Makes local.efi, and for a BIOS local.pxe, in `output`, and gives the packages that they consist of. */
export function buildLocalLoaders(
  arch: Arch,
  apt: Apt,
  work: string,
  output: string,
): readonly DebianPackage[] {
  const script = join(work, 'grub.cfg');
  const archive = join(work, 'grub.tar');
  const early = join(work, 'early.cfg');
  writeFileSync(script, diskLoader());
  // GRUB has loops and functions only once it reads a script in its normal mode.
  writeFileSync(early, 'normal (memdisk)/grub.cfg\n');
  const same = ['--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=644'];
  run('tar', ['--format=ustar', ...same, '-C', dirname(script), '-cf', archive, basename(script)]);
  const make = (
    { root }: DebianPackage,
    format: string,
    name: string,
    args: readonly string[],
  ): void => {
    const directory = join(root, 'usr', 'lib', 'grub', format.replace(/-pxe$/, ''));
    const places = ['-d', directory, '-O', format, '-o', join(output, name), '-p', '/'];
    run('grub-mkimage', [...places, ...args]);
  };
  const { grub } = architectures[arch];
  const efi = apt.fetch(grub.package);
  make(efi, grub.format, 'local.efi', ['-c', early, '-m', archive, ...efiModules]);
  if (arch !== 'x64') return [efi];
  const bios = apt.fetch('grub-pc-bin');
  writeFileSync(early, biosScript);
  make(bios, 'i386-pc-pxe', 'local.pxe', ['-c', early, ...biosModules]);
  return [efi, bios];
}
