// The image for the demonstration and the tests: built where it is missing or older than its sources.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { architectures, type Arch } from './arch.ts';
import { buildImage } from './build-image.ts';
import type { Profile } from './content/profiles.ts';
import { projectDir } from './tools.ts';

/** Gives the boot directory with an image for an architecture. */
export async function ensureImage(
  arch: Arch = 'x64',
  profile: Profile = 'virt',
  dir = imageDir(profile),
): Promise<string> {
  const folder = join(dir, architectures[arch].boot);
  const image = join(folder, 'initramfs');
  const sources = ['src', 'initramfs', 'build-agent.ts', 'package-lock.json'].map((name) =>
    join(projectDir, name),
  );
  const isThere = ['kernel', 'initramfs', 'tools'].every((name) => existsSync(join(folder, name)));
  if (!isThere || statSync(image).mtimeMs < Math.max(...sources.map(newest))) {
    console.log(`building kernel, initramfs and tools for ${arch} (a few minutes)`);
    await buildImage({ arch, profile, output: dir });
  }
  return dir;
}

/** The image of servers lies beside that of virtual machines: neither replaces the other. */
function imageDir(profile: Profile): string {
  const dir = join(projectDir, 'dist', 'boot');
  return profile === 'virt' ? dir : join(dir, profile);
}

/** The time of the last change in a folder, or of a file. */
function newest(path: string): number {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
