// The backends that the contract runs against, each opened empty for one test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, onTestFinished } from 'vitest';
import type { Kv } from '../../src/store/kv/kv.ts';
import { storeOver } from '../../src/store/kv-store.ts';
import { openKv } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { EtcdCluster, etcdProgram } from './etcd/etcd-server.ts';

export interface Backend {
  readonly name: string;
  /** The URL of an empty store that goes away with the test. */
  readonly url: () => Promise<string>;
  /** Why it cannot be tested here. */
  readonly missing?: string;
  /** The number of sequences of operations that its property test runs. */
  readonly runs: number;
}

let cluster: Promise<EtcdCluster> | undefined;

afterAll(async () => {
  await (await cluster)?.stop();
});

async function emptyEtcd(): Promise<string> {
  // It loses nothing when it is killed, only when the machine is.
  cluster ??= EtcdCluster.start(1, ['--unsafe-no-fsync']);
  const etcd = await cluster;
  await etcd.empty();
  return etcd.url;
}

export const backends: readonly Backend[] = [
  { name: 'memory', url: async () => 'memory:', runs: 200 },
  { name: 'lmdb', url: async () => `lmdb:${temporaryDirectory()}`, runs: 40 },
  {
    name: 'etcd',
    url: emptyEtcd,
    runs: 10,
    ...(etcdProgram === undefined
      ? { missing: 'etcd is not installed (Debian: etcd-server)' }
      : {}),
  },
];

/** Skips the tests of a suite whose backend cannot be tested here, saying why. */
export function skipIfMissing({ missing }: Backend): void {
  beforeEach((test) => {
    test.skip(missing !== undefined, missing);
  });
}

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
  const store = storeOver(kv);
  onTestFinished(() => store.close());
  return { store, kv };
}

const tableNames = ['machine', 'templates/', 'workflows', 'settings/', 'conflicts', 'tokens/'];

/** The keys of all records and index entries, sorted. */
export async function tables(kv: Kv): Promise<string[]> {
  const keys: string[] = [];
  for (const prefix of tableNames) {
    for await (const piece of kv.scan(prefix)) keys.push(...piece.map((entry) => entry.key));
  }
  return keys.toSorted();
}
