// The tests that boot virtual machines (`npm run test:boot`): the core set, or with --all everything.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/boot/**/*.boot.ts'],
    globalSetup: ['test/boot/setup.ts'],
    deps: { interopDefault: false },
    // One machine at a time: emulation takes all that a small host has.
    fileParallelism: false,
    // Five times what the longest takes on a quiet host; what it waits for has limits of its own.
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
  },
});
