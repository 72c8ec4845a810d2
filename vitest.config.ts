import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that wait for programs or draw a page take long without being long: begun last, one would run alone. */
const slow = ['test/web/page.test.ts', 'test/docs/tutorials.test.ts'];

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification) =>
      slow.some((name) => moduleId.endsWith(name));
    // It is no array's.
    // oxlint-disable-next-line unicorn/no-array-sort
    return (await super.sort(files)).toSorted((a, b) => Number(isSlow(b)) - Number(isSlow(a)));
  }
}

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
    sequence: { sequencer: SlowFirst },
    // Programs run from their sources: their types are stripped and their code is compiled once, not at each start.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
  },
});
