// An image with other scripts in it, for measurements and captures: the kernel unpacks one archive
// after the other, and a later file replaces an earlier one.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { packCpio } from './image-files.ts';

/** Writes to `target` the image `initramfs` with these executable files, by their paths in it. */
export function overlayImage(
  initramfs: string,
  files: Readonly<Record<string, string>>,
  target: string,
): void {
  const folder = mkdtempSync(join(tmpdir(), 'dragonfly-overlay-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: 0o755 });
  }
  const image = readFileSync(initramfs);
  // An archive begins at a multiple of four.
  const padding = Buffer.alloc((4 - (image.length % 4)) % 4);
  writeFileSync(target, Buffer.concat([image, padding, packCpio(folder)]));
  rmSync(folder, { recursive: true });
}
