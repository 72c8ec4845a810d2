// The contract of a Kv as tests, for the backends here and for anybody's own. The runner is passed in:
// vitest's, or that of node:test.
import type { Kv } from '../kv/kv.ts';
import { closing } from './closing.ts';
import { committing } from './committing.ts';
import { reading } from './reading.ts';
import type { KvUnderTest } from './steps.ts';
import { watching } from './watching.ts';

/** The functions of a test runner that `testKv` calls. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
}

/** Describes the tests that every Kv has to pass. */
export function testKv<K extends Kv>(backend: KvUnderTest<K>, { describe, it }: TestRunner): void {
  describe(`a Kv on ${backend.name}`, () => {
    for (const [name, test] of Object.entries({ ...reading, ...committing, ...watching })) {
      it(name, async () => {
        const kv = await backend.open();
        try {
          await test(kv);
        } finally {
          await kv.close();
        }
      });
    }
    for (const [name, test] of Object.entries(closing)) it(name, () => test(backend));
  });
}
