// Peculiarities of etcd: lost answers, dead endpoints, compaction, its quota.
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { EtcdKv } from '../../../src/store/etcd/etcd.ts';
import type { KvChange } from '../../../src/store/kv/kv.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { takeOverTokens } from '../../../src/store/collections/tokens.ts';
import { OldTokens } from '../version-0.1.0/tokens.ts';
import { EtcdCluster, etcdProgram } from './etcd-server.ts';
import { id, machine } from '../documents.ts';

let cluster: EtcdCluster | undefined;

beforeAll(async () => {
  if (etcdProgram !== undefined) cluster = await EtcdCluster.start(1, ['--unsafe-no-fsync']);
});
afterAll(async () => cluster?.stop());

/** The address of an empty etcd. */
async function emptied(): Promise<string> {
  await cluster?.empty();
  return (cluster?.url ?? '').slice('etcd:'.length);
}

let ids = 0;

function kvOn(...endpoints: string[]): EtcdKv {
  const kv = new EtcdKv(endpoints, {
    clock: systemClock,
    random: Math.random,
    newId: () => String((ids += 1)),
    giveUpAfterMs: 8000,
  });
  onTestFinished(async () => kv.close());
  return kv;
}

/** Stands before an etcd. `loses` says whether the answer to a request is lost on its way back. */
async function proxy(
  target: string,
  loses: (path: string, body: string) => boolean,
): Promise<string> {
  const server: Server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(Buffer.from(chunk));
      const body = Buffer.concat(chunks).toString();
      const path = request.url ?? '';
      const answer = await fetch(target + path, { method: 'POST', body });
      const text = await answer.text();
      if (loses(path, body)) response.destroy();
      else response.writeHead(answer.status).end(text);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

describe.skipIf(etcdProgram === undefined)('etcd (needs etcd-server)', () => {
  it('a commit whose answer is lost is done once, and known to be done', async () => {
    const target = await emptied();
    let losses = 0;
    const lossy = await proxy(target, (path, body) => {
      const lost = path === '/v3/kv/txn' && body.includes('request_put') && losses < 3;
      losses += lost ? 1 : 0;
      return lost;
    });
    const store = storeOver(kvOn(lossy));
    const revision = await store.machines.put(machine(1), 'absent');
    expect(losses).toBe(3);
    expect((await store.machines.get(id(1)))?.revision).toBe(revision);
    losses = 0;
    await store.machines.put({ ...machine(1), identity: machine(2).identity }, { revision });
    expect(losses).toBe(3);
    losses = 0;
    expect(await store.machines.delete(id(1))).toBe(true);
    expect((await store.machines.list()).items).toEqual([]);
  });

  it('a lost answer is no excuse where somebody else wrote', async () => {
    const target = await emptied();
    const direct = storeOver(kvOn(target));
    let lose = true;
    const lossy = await proxy(target, (path, body) => {
      const lost = lose && path === '/v3/kv/txn' && body.includes('request_put');
      lose &&= !lost;
      return lost;
    });
    const store = storeOver(kvOn(lossy));
    await direct.machines.put(machine(1));
    const other = { ...machine(1), identity: machine(3).identity };
    await expect(store.machines.put(other, 'absent')).rejects.toMatchObject({
      code: 'store.conflict',
    });
    await expect(
      store.machines.put({ ...machine(1), identity: machine(2).identity }, { revision: '1' }),
    ).rejects.toMatchObject({ code: 'store.conflict' });
    expect((await direct.machines.get(id(1)))?.value).toEqual(machine(1));
  });

  it('an endpoint that is not there is passed over', async () => {
    const target = await emptied();
    const store = storeOver(kvOn('http://127.0.0.1:1', target));
    await store.settings.put({ key: 'a', value: '1' });
    expect((await store.settings.get('a'))?.value.value).toBe('1');
  });

  it('where no endpoint is there, the store is unavailable', async () => {
    const kv = new EtcdKv(['http://127.0.0.1:1'], {
      clock: systemClock,
      random: Math.random,
      newId: String,
      giveUpAfterMs: 200,
    });
    await expect(kv.read([{ key: 'a' }])).rejects.toMatchObject({ code: 'store.unavailable' });
    await kv.close();
  });

  it('what answers without being etcd makes the store unavailable', async () => {
    const server = createServer((_, response) => {
      response.end('<html>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const kv = new EtcdKv([url], {
      clock: systemClock,
      random: Math.random,
      newId: String,
      giveUpAfterMs: 200,
    });
    await expect(kv.read([{ key: 'a' }])).rejects.toMatchObject({ code: 'store.unavailable' });
    await kv.close();
  });

  it('a watch goes on over a cut connection without missing a change', async () => {
    const target = await emptied();
    const writer = kvOn(target);
    let cut: (() => void) | undefined;
    const relay = createServer((request, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(Buffer.from(chunk));
        const stop = new AbortController();
        if (request.url === '/v3/watch') cut = () => stop.abort();
        stop.signal.addEventListener('abort', () => response.destroy());
        const answer = await fetch(target + (request.url ?? ''), {
          method: 'POST',
          body: Buffer.concat(chunks),
          signal: stop.signal,
        });
        for await (const piece of answer.body ?? []) response.write(piece);
        response.end();
      })().catch(() => {});
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const address = relay.address();
    const watcher = kvOn(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
    const heard: (string | undefined)[] = [];
    const end = Promise.withResolvers<undefined>();
    const stop = new AbortController();
    const listener = (change: KvChange | undefined): void => {
      heard.push(change?.key);
      if (change?.key === 'watched/1') cut?.();
      if (change?.key === 'watched/9') end.resolve(undefined);
    };
    await watcher.watch('watched/', listener, stop.signal);
    for (let n = 0; n < 10; n += 1) await writer.commit([], [{ key: `watched/${n}`, value: '{}' }]);
    await end.promise;
    stop.abort();
    relay.close();
    relay.closeAllConnections();
    expect(heard).toEqual(Array.from({ length: 10 }, (_, n) => `watched/${n}`));
  });

  it('reads and scans survive that old revisions are compacted away', async () => {
    const kv = kvOn(await emptied());
    const keys = Array.from({ length: 1200 }, (_, n) => `scan/${String(n).padStart(4, '0')}`);
    let revision = 0;
    for (let i = 0; i < keys.length; i += 100) {
      const some = keys.slice(i, i + 100).map((key) => ({ key, value: '{}' }));
      revision = await kv.commit([], some);
    }
    const seen: string[] = [];
    for await (const piece of kv.scan('scan/')) {
      seen.push(...piece.map((entry) => entry.key));
      // The revision that the scan reads is gone before its second page.
      revision = await kv.commit([], [{ key: 'other', value: String(revision) }]);
      await cluster?.call('/v3/kv/compaction', { revision: String(revision) });
    }
    expect(seen).toEqual(keys);
  });

  it('a large value leaves no pieces of its former self behind', async () => {
    const kv = kvOn(await emptied());
    const store = storeOver(kv);
    const pieces = async (): Promise<number> => {
      let count = 0;
      for await (const piece of kv.scan('pieces/')) count += piece.length;
      return count;
    };
    const large = machine(1);
    large.metadata.labels = { note: 'ä'.repeat(1_000_000) };
    await store.machines.put(large);
    const first = await pieces();
    expect(first).toBeGreaterThan(1);
    await store.machines.put(large);
    expect(await pieces()).toBe(first);
    expect((await store.machines.list()).items.map((item) => item.value)).toEqual([large]);
    await store.machines.put(machine(1));
    expect(await pieces()).toBe(0);
    await store.machines.put(large);
    await store.machines.delete(id(1));
    expect(await pieces()).toBe(0);
  });

  it('a pointer that leads nowhere is one damaged record and allocates nothing', async () => {
    const kv = kvOn(await emptied());
    const store = storeOver(kv);
    const large = { key: 'large', value: 'x'.repeat(1_000_000) };
    await store.settings.put(large);
    const wild = [
      '@4294967295 pieces/settings/s0/x/',
      '@999 nowhere/',
      '@1 pieces/settings/s2/x/',
      '@',
    ];
    await kv.commit(
      [],
      wild.map((value, n) => ({ key: `settings/s${n}`, value })),
    );
    const before = process.memoryUsage().heapUsed;
    const page = await store.settings.list();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
    expect(page.items.map(({ value }) => value)).toEqual([large]);
    expect(page.damaged.map(({ record }) => record)).toEqual(wild.map((_, n) => `settings/s${n}`));
    expect(await store.damage.get('settings/s0')).toMatchObject({ value: wild[0] });
    await store.settings.put({ key: 's0', value: '1' });
    expect(await store.damage.delete('settings/s1')).toBe(true);
    expect((await store.settings.list()).damaged).toHaveLength(2);
  });

  it('a quota that is used up makes the store full, and reads go on', async () => {
    const small = await EtcdCluster.start(1, [
      '--unsafe-no-fsync',
      '--quota-backend-bytes=2000000',
    ]);
    onTestFinished(async () => small.stop());
    const store = storeOver(kvOn(small.url.slice('etcd:'.length)));
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 100; n += 1)
        await store.settings.put({ key: `s${n}`, value: 'x'.repeat(100_000) });
    };
    await expect(fill()).rejects.toMatchObject({ code: 'store.full' });
    expect((await store.settings.get('s0'))?.value.value).toHaveLength(100_000);
  });

  it('a store that is full is opened with the tokens of version 0.1.0 all the same', async () => {
    const small = await EtcdCluster.start(1, [
      '--unsafe-no-fsync',
      '--quota-backend-bytes=2000000',
    ]);
    onTestFinished(async () => small.stop());
    const kv = kvOn(small.url.slice('etcd:'.length));
    const before = storeOver(kv);
    await new OldTokens(before).create({ name: 'ops', scope: 'full', sha256: 'a'.repeat(64) });
    const fill = async (n: number): Promise<never> => {
      await before.settings.put({ key: `s${n}`, value: 'x'.repeat(100_000) });
      return fill(n + 1);
    };
    await expect(fill(0)).rejects.toMatchObject({ code: 'store.full' });
    await takeOverTokens(kv);
    expect((await before.tokens.get('ops'))?.value.sha256).toBe('a'.repeat(64));
    expect(await kv.read([{ key: 'tokens/ops' }])).toEqual([[]]);
  });
});
