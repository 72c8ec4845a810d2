// `npm run test:boot`: runs the core set of boots, or all of them with --all. Other arguments go to vitest.
// Without QEMU the tests are skipped, and say so.
import { spawnSync } from 'node:child_process';
import { architectures, archs, type Arch } from './arch.ts';
import { ensureImage } from './ensure-image.ts';
import { isMissing } from './tools.ts';

const usage = `usage: npm run test:boot -- [--all] [options of vitest]

Boots virtual machines from the netboot image, which is built if need be: the core set, or with --all
everything. Without QEMU the tests are skipped.`;

const args = process.argv.slice(2);
if (args.includes('--help') || args.includes('-h')) console.log(usage);
else process.exitCode = await testBoots();

async function testBoots(): Promise<number> {
  const { status } = spawnSync(
    'vitest',
    ['run', '--config', 'vitest.boot.config.ts', ...args.filter((arg) => arg !== '--all')],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        DRAGONFLY_BOOT_ARCHITECTURES: (await withImage(archs)).join(' '),
        DRAGONFLY_BOOT_TESTS: args.includes('--all') ? 'all' : 'core',
      },
    },
  );
  return status ?? 2;
}

/** Those architectures whose machines can be run here, with an image for each. */
async function withImage(all: readonly Arch[]): Promise<Arch[]> {
  const found: Arch[] = [];
  for (const arch of all) {
    const { qemu, strip } = architectures[arch];
    const lacks = [qemu.program, qemu.variables, strip].filter(isMissing);
    if (lacks.length > 0) {
      console.log(`skipped: tests with ${arch} machines, for which ${lacks.join(', ')} is missing`);
    } else {
      await ensureImage(arch);
      found.push(arch);
    }
  }
  return found;
}
