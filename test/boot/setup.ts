// Before the boots: where the image is, and how processors run here.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { chooseAccelerator, type Accelerator } from '../../initramfs/qemu.ts';
import { projectDir } from '../../initramfs/tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** undefined: there is no QEMU on this host. */
    boot: { readonly dir: string; readonly accelerator: Accelerator } | undefined;
    /** Whether the long set was asked for. */
    all: boolean;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const which = process.env['DRAGONFLY_BOOT_TESTS'] ?? 'core';
  project.provide('all', which === 'all');
  if (which === 'none') {
    console.log('skipped: there is no qemu-system-x86_64');
    project.provide('boot', undefined);
    return;
  }
  const dir = join(projectDir, 'dist', 'boot');
  const kernel = join(dir, 'x86_64', 'kernel');
  if (!existsSync(kernel)) throw new Error('there is no image: npm run test:boot builds it');
  const accelerator = await chooseAccelerator(kernel);
  const { name, why } = accelerator;
  console.log(`machines run by ${name}${why === undefined ? '' : ` (${why})`}`);
  project.provide('boot', { dir, accelerator });
}
