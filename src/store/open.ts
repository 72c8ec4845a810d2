// Opens a store by its URL. A new backend is a Kv and a case here.
import { systemClock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { checkFormat, checkRestored } from './format.ts';
import type { Kv, OpenOptions } from './kv/kv.ts';
import { storeOver } from './kv-store.ts';
import type { Store } from './store.ts';
import { takeOverTokens } from './collections/tokens.ts';

/** `memory:`, `lmdb:DIRECTORY` (made where it is missing) or `etcd:http://HOST:PORT,…`.
 *  Errors: AppError `config.invalid`, `store.in-use`, `store.incompatible`, `store.damaged`,
 *  `store.unavailable`, `store.full`. */
export async function openStore(url: string): Promise<Store> {
  const kv = await openKv(url);
  try {
    await takeOverTokens(kv);
    return storeOver(kv);
  } catch (err) {
    await kv.close();
    throw err;
  }
}

/** The backend of a store, for what works below records and indexes: backup and check. */
export async function openKv(url: string, options: OpenOptions = {}): Promise<Kv> {
  const kv = await openBackend(url, options);
  try {
    await checkFormat(kv, url, options.readOnly ?? false);
    if (options.partlyRestored !== true) await checkRestored(kv, url);
    return kv;
  } catch (err) {
    await kv.close();
    throw err;
  }
}

async function openBackend(url: string, options: OpenOptions): Promise<Kv> {
  const [scheme, rest] = splitUrl(url);
  if (scheme === 'memory') {
    const { MemoryKv } = await import('./memory.ts');
    return new MemoryKv();
  }
  if (scheme === 'lmdb' && rest !== '') {
    const { openDirectory } = await import('./lmdb/data-directory.ts');
    return openDirectory(rest, options);
  }
  if (scheme === 'etcd' && rest !== '') return openEtcd(rest, url);
  throw new AppError(
    'config.invalid',
    `"${url}" is no store: use memory:, lmdb:DIRECTORY or etcd:http://HOST:PORT`,
  );
}

async function openEtcd(endpoints: string, url: string): Promise<Kv> {
  const addresses = endpoints.split(',').map((endpoint) => readEndpoint(endpoint, url));
  const [{ EtcdKv }, { v4 }] = await Promise.all([import('./etcd/etcd.ts'), import('uuid')]);
  return new EtcdKv(addresses, {
    clock: systemClock,
    random: Math.random,
    newId: v4,
    giveUpAfterMs: 15_000,
  });
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

function splitUrl(url: string): [string, string] {
  const colon = url.indexOf(':');
  return colon < 0 ? ['', url] : [url.slice(0, colon), url.slice(colon + 1)];
}
