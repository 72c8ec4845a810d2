// The loaders that firmware fetches before there is iPXE: those of Debian's packages, beside kernel and initramfs.
import { chmodSync, copyFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Arch } from './arch.ts';
import type { Apt, DebianPackage } from './packages.ts';

/** The files by package. Debian 12 has no iPXE for arm64. */
const loaders: Readonly<Record<Arch, Readonly<Record<string, readonly string[]>>>> = {
  x64: {
    ipxe: ['usr/lib/ipxe/undionly.kpxe', 'usr/lib/ipxe/ipxe.efi', 'usr/lib/ipxe/snponly.efi'],
  },
  arm64: {},
};

/** Copies the loaders for an architecture to `output`, and gives the packages that they come from. */
export function copyLoaders(arch: Arch, apt: Apt, output: string): readonly DebianPackage[] {
  return Object.entries(loaders[arch]).map(([name, files]) => {
    const found = apt.fetch(name);
    for (const file of files) {
      const copy = join(output, basename(file));
      copyFileSync(join(found.root, file), copy);
      chmodSync(copy, 0o644);
    }
    return found;
  });
}
