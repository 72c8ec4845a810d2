import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // As Node itself imports CommonJS packages.
    deps: { interopDefault: false },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is waited for comes in milliseconds, but on a host that is busy with other tests.
    expect: { poll: { timeout: 15_000 } },
    // Many tests wait for programs that they started: one to a processor leaves none idle.
    maxWorkers: '100%',
    // Programs run from their sources: their types are stripped and their code is compiled once, not at each start.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
  },
});
