// The loaders that firmware fetches before there is iPXE: those of Debian's packages, beside kernel and initramfs.
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arch } from '../arch.ts';
import type { Apt, DebianPackage } from './packages.ts';

/** The files by package, and the names that they get where they are fetched by others. A shim looks beside itself
 *  for a loader of this name. Debian 12 has no iPXE for arm64. */
const loaders: Readonly<Record<Arch, Readonly<Record<string, Readonly<Record<string, string>>>>>> =
  {
    x64: {
      ipxe: {
        'usr/lib/ipxe/undionly.kpxe': 'undionly.kpxe',
        'usr/lib/ipxe/ipxe.efi': 'ipxe.efi',
        'usr/lib/ipxe/snponly.efi': 'snponly.efi',
      },
      'shim-signed': { 'usr/lib/shim/shimx64.efi.signed': 'shimx64.efi' },
      'grub-efi-amd64-signed': {
        'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed': 'grubx64.efi',
      },
    },
    arm64: {
      'shim-signed': { 'usr/lib/shim/shimaa64.efi.signed': 'shimaa64.efi' },
      'grub-efi-arm64-signed': {
        'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed': 'grubaa64.efi',
      },
    },
  };

/** Copies the loaders for an architecture to `output`, and gives the packages that they come from. */
export function copyLoaders(arch: Arch, apt: Apt, output: string): readonly DebianPackage[] {
  return Object.entries(loaders[arch]).map(([name, files]) => {
    const found = apt.fetch(name);
    for (const [file, as] of Object.entries(files)) {
      const copy = join(output, as);
      copyFileSync(join(found.root, file), copy);
      chmodSync(copy, 0o644);
    }
    return found;
  });
}
