// The backends that the contract runs against, each opened empty for one test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

export interface Backend {
  readonly name: string;
  /** The URL of an empty store that goes away with the test. */
  readonly url: () => string;
}

export const backends: readonly Backend[] = [
  { name: 'memory', url: () => 'memory:' },
  { name: 'lmdb', url: () => `lmdb:${temporaryDirectory()}` },
];

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'dragonfly-store-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** Opens a store that is closed when the test ends. */
export async function opened(url: string): Promise<Store> {
  const store = await openStore(url);
  onTestFinished(() => store.close());
  return store;
}
