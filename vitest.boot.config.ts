// The tests that boot virtual machines (`npm run test:boot`): the core set, or with --all everything.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/boot/**/*.boot.ts'],
    globalSetup: ['test/boot/setup.ts'],
    deps: { interopDefault: false },
    // One machine at a time: emulation takes all that a small host has.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 300_000,
  },
});
