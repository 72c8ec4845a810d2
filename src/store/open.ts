// Opens a store by its URL. A new backend is a Kv and a case here.
import { mkdirSync } from 'node:fs';
import { systemClock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { checkFormat } from './format.ts';
import type { Kv } from './kv.ts';
import { KvStore } from './kv-store.ts';
import type { Store } from './store.ts';

/** `memory:`, `lmdb:DIRECTORY` (made where it is missing) or `etcd:http://HOST:PORT,…`.
 *  Errors: AppError `config.invalid`, `store.in-use`, `store.incompatible`, `store.damaged`,
 *  `store.unavailable`, `store.full`. */
export async function openStore(url: string): Promise<Store> {
  return new KvStore(await openKv(url));
}

/** The backend of a store, for what works below records and indexes: backup and check. */
export async function openKv(url: string): Promise<Kv> {
  const kv = await openBackend(url);
  try {
    await checkFormat(kv, url);
    return kv;
  } catch (err) {
    await kv.close();
    throw err;
  }
}

async function openBackend(url: string): Promise<Kv> {
  const [scheme, rest] = splitUrl(url);
  if (scheme === 'memory') {
    const { MemoryKv } = await import('./memory.ts');
    return new MemoryKv();
  }
  if (scheme === 'lmdb' && rest !== '') return openLmdb(rest);
  if (scheme === 'etcd' && rest !== '') return openEtcd(rest, url);
  throw new AppError(
    'config.invalid',
    `"${url}" is no store: use memory:, lmdb:DIRECTORY or etcd:http://HOST:PORT`,
  );
}

async function openEtcd(endpoints: string, url: string): Promise<Kv> {
  const addresses = endpoints.split(',').map((endpoint) => readEndpoint(endpoint, url));
  const [{ EtcdKv }, { v4 }] = await Promise.all([import('./etcd.ts'), import('uuid')]);
  return new EtcdKv(addresses, { clock: systemClock, random: Math.random, newId: v4 });
}

function readEndpoint(text: string, url: string): string {
  const endpoint = URL.parse(text);
  const isPlain = endpoint?.username === '' && endpoint.pathname === '/' && endpoint.search === '';
  if (isPlain && /^https?:$/.test(endpoint.protocol)) return endpoint.origin;
  throw new AppError(
    'config.invalid',
    `"${text}" in "${url}" is no etcd endpoint: use http://HOST:PORT or https://HOST:PORT`,
  );
}

async function openLmdb(directory: string): Promise<Kv> {
  const [{ LmdbKv }, { lockDirectory }] = await Promise.all([
    import('./lmdb.ts'),
    import('./directory-lock.ts'),
  ]);
  makeDirectory(directory);
  const release = lockDirectory(directory);
  try {
    return LmdbKv.open(directory, release);
  } catch (err) {
    release();
    throw new AppError('store.unavailable', `cannot open ${directory}`, { cause: err });
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (err) {
    throw new AppError(
      'store.unavailable',
      `cannot make the data directory ${directory}: choose one that this user may write`,
      { cause: err },
    );
  }
}

function splitUrl(url: string): [string, string] {
  const colon = url.indexOf(':');
  return colon < 0 ? ['', url] : [url.slice(0, colon), url.slice(colon + 1)];
}
