// The contract of `close`, what is there after it, and the store that a Kv carries.
import assert from 'node:assert/strict';
import type { Kv } from '../kv/kv.ts';
import { openStoreOn } from '../open.ts';
import { failsWith, get, list, put, remove, type KvUnderTest } from './steps.ts';

type BackendTest = <K extends Kv>(backend: KvUnderTest<K>) => Promise<void>;

export const closing: Readonly<Record<string, BackendTest>> = {
  'refuses work after it was closed, and may be closed again': async ({ open }) => {
    const kv = await open();
    await put(kv, { 't/a': '1' });
    await kv.close();
    await failsWith('store.unavailable', kv.read([{ key: 't/a' }]));
    await failsWith('store.unavailable', put(kv, { 't/a': '2' }));
    await kv.close();
  },

  'has what was committed after it was opened again, if it keeps anything': async (backend) => {
    const { open, reopen } = backend;
    const first = await open();
    const old = await put(first, { 't/a': '1', 't/b': '1', 't/c': '1' });
    const newer = await put(first, { 't/b': '2' });
    await remove(first, 't/c');
    await first.close();
    if (reopen === undefined) return;
    const second = await reopen(first);
    try {
      assert.deepEqual(await list(second, 't/'), [
        { key: 't/a', value: '1', revision: old },
        { key: 't/b', value: '2', revision: newer },
      ]);
      const next = await put(second, { 't/c': '1' });
      assert.ok(next > newer, 'a revision was given out a second time');
    } finally {
      await second.close();
    }
  },

  "carries the server's store, and goes when that is closed": async ({ name, open }) => {
    const kv = await open();
    const store = await openStoreOn(kv, name);
    const revision = await store.settings.put({ key: 'a/ä', value: '1' }, 'absent');
    await failsWith('store.conflict', store.settings.put({ key: 'a/ä', value: '2' }, 'absent'));
    await store.settings.put({ key: 'a/ä', value: '2' }, { revision });
    await store.settings.put({ key: 'b', value: '1' });
    const { items, nextCursor } = await store.settings.list({ limit: 1 });
    assert.deepEqual(
      items.map((item) => item.value),
      [{ key: 'a/ä', value: '2' }],
    );
    assert.notEqual(nextCursor, undefined);
    assert.equal(await store.settings.delete('a/ä'), true);
    assert.equal((await store.settings.list()).items.length, 1);
    await store.close();
    await failsWith('store.unavailable', get(kv, 't/a'));
  },
};
