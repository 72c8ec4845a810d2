import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // As Node itself imports CommonJS packages.
    deps: { interopDefault: false },
    testTimeout: 30_000,
  },
});
