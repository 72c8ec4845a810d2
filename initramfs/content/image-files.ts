// Turns folders into the two halves of an image: a squashfs that is used where it lies, and cpio
// archives that the kernel unpacks. Byte for byte the same for the same files.
import { execFileSync } from 'node:child_process';
import { lstatSync, lutimesSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../tools.ts';

/** Packs a folder as a squashfs. `options` say how to compress. */
export function packSquashfs(folder: string, file: string, options: readonly string[]): void {
  rmSync(file, { force: true });
  const fixed = '-noappend -no-progress -quiet -all-root -no-xattrs -no-exports';
  const times = '-mkfs-time 0 -all-time 0';
  sameModes(folder);
  run('mksquashfs', [folder, file, ...fixed.split(' '), ...times.split(' '), ...options]);
}

/** A newc cpio archive of a folder: sorted, owned by root, all times zero. */
export function packCpio(folder: string): Buffer {
  sameModes(folder);
  const names = walk(folder, '');
  for (const name of ['', ...names]) lutimesSync(join(folder, name), 0, 0);
  const archive = execFileSync(
    'cpio',
    ['--create', '--quiet', '--format=newc', '--reproducible', '--owner=0:0', '--null'],
    { cwd: folder, input: names.map((name) => `${name}\0`).join(''), maxBuffer: 1 << 30 },
  );
  return archive;
}

/** Gives every file the mode that it has under the usual umask, whatever the umask of the checkout and of this build is.
 *  Nothing keeps a set-user-ID bit: in the image everybody is root. */
function sameModes(folder: string): void {
  run('chmod', ['--recursive', 'u=rwX,go=rX', folder]);
}

/** Paths below a folder, parents before their children, in an order that no locale changes. */
function walk(folder: string, prefix: string): string[] {
  return readdirSync(join(folder, prefix))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .flatMap((name) => {
      const path = prefix === '' ? name : `${prefix}/${name}`;
      return lstatSync(join(folder, path)).isDirectory() ? [path, ...walk(folder, path)] : [path];
    });
}
