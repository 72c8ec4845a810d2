// `npm run test:boot`: the core set of boots, or all of them with --all. What else is given goes to
// vitest. Without QEMU the tests are skipped, and say so.
import { spawnSync } from 'node:child_process';
import { ensureImage } from './ensure-image.ts';

const hasQemu = spawnSync('qemu-system-x86_64', ['--version'], { stdio: 'ignore' }).status === 0;
if (hasQemu) await ensureImage();
const args = process.argv.slice(2);
const { status } = spawnSync(
  'vitest',
  ['run', '--config', 'vitest.boot.config.ts', ...args.filter((arg) => arg !== '--all')],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(hasQemu ? {} : { DRAGONFLY_BOOT_TESTS: 'none' }),
      ...(args.includes('--all') ? { DRAGONFLY_BOOT_TESTS: 'all' } : {}),
    },
  },
);
process.exitCode = status ?? 2;
