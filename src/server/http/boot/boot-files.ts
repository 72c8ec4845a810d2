// The kernels and initramfs that machines fetch: DIR/ARCH/kernel and DIR/ARCH/initramfs.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The names that iPXE has for processors (${buildarch}), and their folders. Most BIOS builds are 32-bit, so
 *  i386 says nothing about the processor. */
export const bootFolders: Readonly<Record<string, string>> = {
  i386: 'x86_64',
  x86_64: 'x86_64',
  arm64: 'arm64',
};

/** The files that no image is without. */
const files = ['kernel', 'initramfs'] as const;

/** The paths of files that a boot directory lacks or has empty: half an image, or both files for x86-64 where
 *  there is no image at all. */
export async function missingBootFiles(dir: string): Promise<string[]> {
  const folders = [...new Set(Object.values(bootFolders))];
  const images = await Promise.all(folders.map((folder) => missingOf(join(dir, folder))));
  if (images.every((missing) => missing.length === files.length)) return images[0] ?? [];
  return images.filter((missing) => missing.length < files.length).flat();
}

/** True for a file that is there and not empty. */
export async function isBootFile(path: string): Promise<boolean> {
  try {
    const found = await stat(path);
    return found.isFile() && found.size > 0;
  } catch {
    return false;
  }
}

/** Errors: those of the file system. */
export function readBootFile(path: string): Promise<Uint8Array> {
  return readFile(path);
}

async function missingOf(folder: string): Promise<string[]> {
  const paths = files.map((file) => join(folder, file));
  const areThere = await Promise.all(paths.map(isBootFile));
  return paths.filter((_, i) => areThere[i] !== true);
}
