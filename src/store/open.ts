// Opens a store by its URL. A new backend is a Kv and a line in the table here.
import { systemClock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { checkFormat, checkRestored } from './format.ts';
import type { Kv, OpenOptions } from './kv/kv.ts';
import { storeOver } from './kv-store.ts';
import type { Store } from './store.ts';
import { takeOverTokens } from './collections/tokens.ts';

interface Backend {
  /** Its URLs, for people. */
  readonly form: string;
  /** `rest` is what comes after the colon. */
  open(rest: string, options: OpenOptions): Promise<Kv>;
}

const backends = new Map(
  Object.entries<Backend>({
    memory: {
      form: 'memory:',
      open: async () => new (await import('./memory.ts')).MemoryKv(),
    },
    lmdb: {
      form: 'lmdb:DIRECTORY',
      open: async (directory, options) =>
        (await import('./lmdb/data-directory.ts')).openDirectory(directory, options, systemClock),
    },
    etcd: { form: 'etcd:http://HOST:PORT,…', open: openEtcd },
  }),
);

/** `memory:`, `lmdb:DIRECTORY` (made where it is missing, unless it `mustExist`), `etcd:http://HOST:PORT,…` or
 *  `etcd:srv:DOMAIN`.
 *  Errors: AppError `config.invalid`, `store.in-use`, `store.incompatible`, `store.damaged`,
 *  `store.unavailable`, `store.full`; the signal's reason. */
export async function openStore(
  url: string,
  options: Omit<OpenOptions, 'readOnly' | 'partlyRestored' | 'verifyWhole'> = {},
): Promise<Store> {
  return openStoreOn(await openBackend(url, options), url);
}

/** The store in a backend of your own, which is closed with the store, or at once where it cannot be
 *  opened. `name` is the backend's in errors.
 *  Errors: AppError `store.incompatible`, `store.damaged`, and those of the backend. */
export function openStoreOn(kv: Kv, name = 'the store'): Promise<Store> {
  return orClosed(kv, async () => {
    await checkKv(kv, name, {});
    await takeOverTokens(kv);
    return storeOver(kv);
  });
}

/** The backend of a store, for what works below records and indexes: backup and check. */
export async function openKv(url: string, options: OpenOptions = {}): Promise<Kv> {
  const kv = await openBackend(url, options);
  return orClosed(kv, async () => {
    await checkKv(kv, url, options);
    return kv;
  });
}

async function checkKv(kv: Kv, name: string, options: OpenOptions): Promise<void> {
  await checkFormat(kv, name, options.readOnly ?? false);
  if (options.partlyRestored !== true) await checkRestored(kv, name);
}

async function orClosed<T>(kv: Kv, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (err) {
    await kv.close();
    throw err;
  }
}

async function openBackend(url: string, options: OpenOptions): Promise<Kv> {
  const [, scheme = '', rest = ''] = /^(\w+):(.*)$/s.exec(url) ?? [];
  const backend = backends.get(scheme);
  if (backend !== undefined && (rest === '') === (backend.form === `${scheme}:`)) {
    return backend.open(rest, options);
  }
  const forms = [...backends.values()].map(({ form }) => form);
  throw new AppError(
    'config.invalid',
    `unknown store "${withoutPassword(url)}": use ${forms.join(' or ')}`,
  );
}

async function openEtcd(rest: string, options: OpenOptions): Promise<Kv> {
  const [{ EtcdKv }, { readAccess }, { v4 }] = await Promise.all([
    import('./etcd/etcd.ts'),
    import('./etcd/etcd-access.ts'),
    import('uuid'),
  ]);
  const domain = /^srv:(.+)$/.exec(rest)?.[1];
  const lookUp = domain === undefined ? undefined : () => membersOf(domain, options);
  const members = (await lookUp?.()) ?? readEndpoints(rest);
  const { etcd = {} } = options;
  return new EtcdKv(members, {
    clock: systemClock,
    random: Math.random,
    newId: v4,
    giveUpAfterMs: 15_000,
    access: () => readAccess(etcd),
    lookUp,
  });
}

/** The members of a domain by its SRV records, under the names that etcdctl looks up: those with TLS, if there are
 *  any. A look-up that fails does not say that there are none: a password must not go out in clear for it.
 *  Errors: AppError `config.invalid`, `store.unavailable`. */
async function membersOf(domain: string, { lookUpService }: OpenOptions): Promise<string[]> {
  if (lookUpService === undefined) {
    throw new AppError('config.invalid', `etcd:srv:${domain} needs lookUpService to look it up`);
  }
  let cause: unknown;
  for (const [service, scheme] of [
    ['_etcd-client-ssl', 'https'],
    ['_etcd-client', 'http'],
  ]) {
    try {
      const found = await lookUpService(`${service}._tcp.${domain}`);
      if (found.length > 0) return found.map(({ name, port }) => `${scheme}://${name}:${port}`);
    } catch (err) {
      cause = err;
      if (!isNone(err)) break;
    }
  }
  throw new AppError(
    'store.unavailable',
    `no SRV record _etcd-client-ssl._tcp.${domain} or _etcd-client._tcp.${domain} was found`,
    { cause },
  );
}

/** True if the domain has no such records, by the codes of Node's resolver. */
function isNone(err: unknown): boolean {
  return (
    err instanceof Error && 'code' in err && (err.code === 'ENOTFOUND' || err.code === 'ENODATA')
  );
}

function readEndpoints(list: string): string[] {
  // A password may have a comma in it.
  if (list.includes('@')) throw unknownEndpoint(list);
  return list.split(',').map(readEndpoint);
}

function readEndpoint(text: string): string {
  const endpoint = URL.parse(text);
  const isPlain = endpoint?.pathname === '/' && endpoint.search === '';
  if (isPlain && /^https?:$/.test(endpoint.protocol)) return endpoint.origin;
  throw unknownEndpoint(text);
}

function unknownEndpoint(text: string): AppError {
  return new AppError(
    'config.invalid',
    `unknown etcd endpoint "${withoutPassword(text)}": use http://HOST:PORT or https://HOST:PORT`,
  );
}

/** An address as it was written, without what may be users and passwords. */
function withoutPassword(text: string): string {
  return text.replace(/^(\w+:\/\/)?.*@/s, (_, scheme = '') => `${scheme}…@`);
}
