// Watches on real etcd members that hang, are restored, or keep their watches to themselves.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock, type Clock } from '../../../src/core/clock.ts';
import { EtcdKv } from '../../../src/store/etcd/etcd.ts';
import type { KvChange } from '../../../src/store/kv/kv.ts';
import { openStore } from '../../../src/store/open.ts';
import { machine } from '../documents.ts';
import { EtcdCluster, etcdProgram } from './etcd-server.ts';

let ids = 0;

/** Four seconds of it are one. */
const fourfold: Clock = {
  now: () => new Date(),
  elapsedMs: () => 4 * systemClock.elapsedMs(),
  sleep: (ms, signal) => systemClock.sleep(ms / 4, signal),
};

/** Passes everything on to an etcd, but no piece of a watch while `holds`, and none after it of one that was held.
 *  Returns its address. */
async function relay(target: string, holds: () => boolean): Promise<string> {
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(Buffer.from(chunk));
      const isHeld = (): boolean => request.url === '/v3/watch' && holds();
      if (isHeld()) return;
      const answer = await fetch(target + (request.url ?? ''), {
        method: 'POST',
        body: Buffer.concat(chunks),
      });
      for await (const piece of answer.body ?? []) {
        if (isHeld()) return;
        response.write(piece);
      }
      response.end();
    })().catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

function kvOn(endpoints: readonly string[], clock: Clock = systemClock): EtcdKv {
  const kv = new EtcdKv(endpoints, {
    clock,
    random: Math.random,
    newId: () => String((ids += 1)),
    giveUpAfterMs: 15_000,
  });
  onTestFinished(async () => kv.close());
  return kv;
}

async function cluster(size: 1 | 3): Promise<{ etcd: EtcdCluster; endpoints: string[] }> {
  const etcd = await EtcdCluster.start(size, ['--unsafe-no-fsync']);
  onTestFinished(async () => etcd.stop());
  return { etcd, endpoints: etcd.url.slice('etcd:'.length).split(',') };
}

/** The keys that a watcher heard, and "reset". */
async function watched(kv: EtcdKv, prefix: string): Promise<string[]> {
  const heard: string[] = [];
  const stop = new AbortController();
  onTestFinished(() => {
    stop.abort();
  });
  const listener = (change: KvChange | undefined): void => {
    heard.push(change?.key ?? 'reset');
  };
  await kv.watch(prefix, listener, stop.signal);
  return heard;
}

/** Resolves to the milliseconds that it took. Errors: throws after `withinMs`. */
async function until(condition: () => boolean, withinMs: number): Promise<number> {
  const startedMs = performance.now();
  while (!condition()) {
    if (performance.now() - startedMs > withinMs) throw new Error('it did not come in time');
    await sleep(20);
  }
  return performance.now() - startedMs;
}

describe.skipIf(etcdProgram === undefined)('a watch on etcd (needs etcd-server)', () => {
  it('leaves a member that hangs within 10 seconds, and misses nothing', async () => {
    const { etcd, endpoints } = await cluster(3);
    const watcher = kvOn(endpoints);
    const writer = kvOn(endpoints.toReversed());
    const heard = await watched(watcher, 'w/');
    await writer.commit([], [{ key: 'w/1', value: '' }]);
    await until(() => heard.includes('w/1'), 10_000);
    await until(() => watcher.watchAgeMs() < 5000, 10_000);
    const goOn = etcd.hang(0);
    const hungMs = performance.now();
    await writer.commit([], [{ key: 'w/2', value: '' }]);
    await until(() => heard.includes('w/2'), 25_000);
    const tookMs = performance.now() - hungMs;
    goOn();
    expect(tookMs).toBeLessThan(10_000);
    expect(heard).toEqual(['w/1', 'w/2']);
    await until(() => watcher.watchAgeMs() < 5000, 20_000);
  });

  it('tells that everything has to be read again when etcd was restored to an earlier state', async () => {
    const { etcd, endpoints } = await cluster(1);
    const watcher = kvOn(endpoints);
    const heard = await watched(watcher, 'w/');
    const writer = kvOn(endpoints);
    for (let n = 0; n < 20; n += 1) await writer.commit([], [{ key: `w/${n}`, value: '' }]);
    await until(() => heard.includes('w/19'), 10_000);
    await etcd.restart(0, { loses: true });
    await until(() => heard.includes('reset'), 20_000);
    await writer.commit([], [{ key: 'w/after', value: '' }]);
    await until(() => heard.includes('w/after'), 10_000);
    expect(heard.lastIndexOf('reset')).toBeLessThan(heard.indexOf('w/after'));
  });

  it('marks an etcd that went back to before it was used, so that its server starts again', async () => {
    const { etcd } = await cluster(1);
    const store = await openStore(etcd.url);
    onTestFinished(() => store.close());
    let resets = 0;
    await store.watch((change) => {
      if (change === undefined) resets += 1;
    }, new AbortController().signal);
    for (let n = 0; n < 20; n += 1) await store.settings.put({ key: 'a', value: String(n) });
    await etcd.restart(0, { loses: true });
    await until(() => resets > 0, 20_000);
    await store.machines.put(machine(1));
    // The mark is written once the reset was told.
    const again = await vi.waitFor(() => openStore(etcd.url), 5000);
    expect((await again.machines.list()).items).toHaveLength(1);
    await again.close();
  });

  it('ends a backup during which etcd goes back, although its revision has come as far again', async () => {
    const { etcd } = await cluster(1);
    const store = await openStore(etcd.url);
    onTestFinished(() => store.close());
    const putBack = await etcd.backUp();
    const write = async (value: string): Promise<void> => {
      for (let n = 0; n < 60; n += 1) await store.settings.put({ key: `k${n}`, value });
    };
    await write('before');
    await etcd.restart(0);
    const backups = [store.backup(), store.backup()] as const;
    for (const backup of backups)
      for (let n = 0; n < 2; n += 1) expect((await backup.next()).done).toBe(false);
    const wentBack = {
      code: 'store.unavailable',
      message: expect.stringContaining('went back to an earlier state'),
    };
    await putBack();
    await expect(backups[0].next()).rejects.toMatchObject(wentBack);
    for (const value of ['after', 'later']) await write(value);
    await expect(backups[1].next()).rejects.toMatchObject(wentBack);
  });

  it("is told of this server's own writes at once and once, whatever etcd tells", async () => {
    const { endpoints } = await cluster(1);
    const [target = ''] = endpoints;
    let holds = true;
    const kv = kvOn([await relay(target, () => holds)]);
    const heard = await watched(kv, 'w/');
    await kv.commit([], [{ key: 'w/1', value: '' }]);
    expect(heard).toEqual(['w/1']);
    await until(() => kv.watchAgeMs() > 1000, 5000);
    holds = false;
    await kvOn(endpoints).commit([], [{ key: 'w/2', value: '' }]);
    await until(() => heard.includes('w/2'), 20_000);
    await kv.commit([], [{ key: 'w/3', value: '' }]);
    await kvOn(endpoints).commit([], [{ key: 'w/4', value: '' }]);
    await until(() => heard.includes('w/4'), 10_000);
    expect(heard).toEqual(['w/1', 'w/2', 'w/3', 'w/4']);
    await until(() => kv.watchAgeMs() < 5000, 10_000);
  });

  it('is as old as what its stream brings, although its member answers, and leaves a stuck stream', async () => {
    const { endpoints } = await cluster(1);
    const [target = ''] = endpoints;
    let holds = false;
    const clock = fourfold;
    const kv = kvOn([await relay(target, () => holds)], clock);
    const heard = await watched(kv, 'w/');
    await until(() => kv.watchAgeMs() < 2000, 10_000);
    holds = true;
    await kvOn(endpoints).commit([], [{ key: 'w/1', value: '' }]);
    const seenMs = kv.watchAgeMs();
    await until(() => kv.watchAgeMs() > seenMs + 4000, 10_000);
    expect(heard).toEqual([]);
    holds = false;
    await until(() => heard.length > 0, 10_000);
    expect(heard).toEqual(['w/1']);
    await until(() => kv.watchAgeMs() < 2000, 10_000);
  });

  it('is known to be current where others write only beside what is watched', async () => {
    const { endpoints } = await cluster(1);
    const kv = kvOn(endpoints, fourfold);
    const heard = await watched(kv, 'w/');
    const writer = kvOn(endpoints);
    const untilMs = fourfold.elapsedMs() + 20_000;
    let oldestMs = 0;
    for (let n = 0; fourfold.elapsedMs() < untilMs; n += 1) {
      await writer.commit([], [{ key: `x/${n}`, value: '' }]);
      await sleep(50);
      oldestMs = Math.max(oldestMs, kv.watchAgeMs());
    }
    expect(oldestMs).toBeLessThan(15_000);
    expect(heard).toEqual([]);
    expect(await kv.read([{ prefix: 'w/', limit: 10 }])).toEqual([[]]);
  });
});
