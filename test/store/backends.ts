// The backends that the contract runs against, each opened empty for one test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Kv } from '../../src/store/kv.ts';
import { KvStore } from '../../src/store/kv-store.ts';
import { openKv } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

export interface Backend {
  readonly name: string;
  /** The URL of an empty store that goes away with the test. */
  readonly url: () => string;
  /** How many sequences of operations its property test runs. */
  readonly runs: number;
}

export const backends: readonly Backend[] = [
  { name: 'memory', url: () => 'memory:', runs: 200 },
  { name: 'lmdb', url: () => `lmdb:${temporaryDirectory()}`, runs: 40 },
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
  return (await openedWithKv(url)).store;
}

export async function openedWithKv(url: string): Promise<{ store: Store; kv: Kv }> {
  const kv = await openKv(url);
  const store = new KvStore(kv);
  onTestFinished(() => store.close());
  return { store, kv };
}

const tableNames = ['machine', 'templates/', 'workflows', 'settings/', 'conflicts'];

/** The keys of all records and index entries, sorted. */
export async function tables(kv: Kv): Promise<string[]> {
  const keys: string[] = [];
  for (const prefix of tableNames) {
    for await (const piece of kv.scan(prefix)) keys.push(...piece.map((entry) => entry.key));
  }
  return keys.toSorted();
}
