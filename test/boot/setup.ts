// Before the boots: how processors run here.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { architectures, archs, type Arch } from '../../initramfs/arch.ts';
import { chooseAccelerator, type Accelerator } from '../../initramfs/machine/qemu.ts';
import { projectDir } from '../../initramfs/tools.ts';

/** The way machines of each architecture are run; undefined if this host runs none. */
type Accelerators = Record<Arch, Accelerator | undefined>;

declare module 'vitest' {
  interface ProvidedContext {
    accelerators: Accelerators;
    /** True if the long set was asked for. */
    all: boolean;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  project.provide('all', process.env['DRAGONFLY_BOOT_TESTS'] === 'all');
  const accelerators: Accelerators = { x64: undefined, arm64: undefined };
  const names = (process.env['DRAGONFLY_BOOT_ARCHITECTURES'] ?? 'x64').split(' ');
  for (const arch of archs.filter((name) => names.includes(name))) {
    const kernel = join(projectDir, 'dist', 'boot', architectures[arch].boot, 'kernel');
    if (!existsSync(kernel)) throw new Error('there is no image: npm run test:boot builds it');
    const accelerator = await chooseAccelerator(kernel, arch);
    const why = accelerator.why === undefined ? '' : ` (${accelerator.why})`;
    console.log(`${arch} machines run by ${accelerator.name}${why}`);
    accelerators[arch] = accelerator;
  }
  project.provide('accelerators', accelerators);
}
