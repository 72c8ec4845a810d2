// The contract of `commit`: all or nothing, and only where its expectations hold.
import assert from 'node:assert/strict';
import type { Kv, KvExpectation, KvOperation } from '../kv/kv.ts';
import { failsWith, get, list, padded, put, remove, succeeds, type KvTest } from './steps.ts';
import { sameAsModel } from './model.ts';

/** Fails with `store.conflict` and changes nothing under t/. */
async function refuses(kv: Kv, expectations: readonly KvExpectation[]): Promise<void> {
  const before = await list(kv, 't/');
  const operations = [
    { key: 't/a', value: 'overwritten' },
    { key: 't/b', value: undefined },
    { key: 't/new', value: 'new' },
  ];
  await failsWith('store.conflict', kv.commit(expectations, operations));
  assert.deepEqual(await list(kv, 't/'), before);
}

export const committing: Readonly<Record<string, KvTest>> = {
  'gives each commit a greater revision, whatever it writes': async (kv) => {
    const revisions = [
      await put(kv, { 't/a': '1' }),
      await put(kv, { 't/a': '1' }),
      await put(kv, { 't/b': '1' }),
      await remove(kv, 't/a', 't/none'),
      await put(kv, { 't/a': '1' }),
    ];
    assert.deepEqual(
      revisions,
      [...new Set(revisions)].toSorted((a, b) => a - b),
    );
    assert.ok(revisions.every((revision) => Number.isSafeInteger(revision) && revision > 0));
  },

  'writes where a key was last written at the expected revision': async (kv) => {
    const first = await kv.commit([{ key: 't/a', revision: 0 }], [{ key: 't/a', value: '1' }]);
    await put(kv, { 't/b': '1' });
    const second = await kv.commit([{ key: 't/a', revision: first }], [{ key: 't/a', value: '2' }]);
    await kv.commit([{ key: 't/a', revision: second }], [{ key: 't/a', value: undefined }]);
    await kv.commit([{ key: 't/a', revision: 0 }], [{ key: 't/a', value: '3' }]);
    assert.equal((await get(kv, 't/a'))?.value, '3');
  },

  'writes nothing where it was written at another, is there, or is not': async (kv) => {
    const old = await put(kv, { 't/a': '1', 't/b': '1' });
    const now = await put(kv, { 't/a': '2' });
    for (const revision of [0, old, now + 1]) await refuses(kv, [{ key: 't/a', revision }]);
    for (const revision of [old, now]) await refuses(kv, [{ key: 't/none', revision }]);
    await refuses(kv, [
      { key: 't/a', revision: now },
      { key: 't/b', revision: now },
    ]);
  },

  'does not take a key that was removed and written again for the old one': async (kv) => {
    const old = await put(kv, { 't/a': '1', 't/b': '1' });
    await remove(kv, 't/a');
    await put(kv, { 't/a': '1' });
    await refuses(kv, [{ key: 't/a', revision: old }]);
  },

  'writes nothing where something newer is under a prefix': async (kv) => {
    const old = await put(kv, { 't/a': '1', 't/b': '1', 't/i/1': '' });
    const now = await put(kv, { 't/i/2': '' });
    const absent = { key: 't/new', revision: 0 };
    for (const newest of [0, old]) await refuses(kv, [absent, { prefix: 't/i/', newest }]);
    await put(kv, { 't/i': '', 't/i0': '' });
    const operations = [{ key: 't/new', value: '1' }];
    await kv.commit([absent, { prefix: 't/i/', newest: now }], operations);
    await remove(kv, 't/new', 't/i/2');
    await kv.commit([absent, { prefix: 't/i/', newest: old }], operations);
    await remove(kv, 't/new', 't/i/1');
    await kv.commit([absent, { prefix: 't/i/', newest: 0 }], operations);
  },

  'lets one of many commits that expect the same succeed': async (kv) => {
    const create = (n: number): Promise<number> =>
      kv.commit([{ key: 't/a', revision: 0 }], [{ key: 't/a', value: String(n) }]);
    const outcomes = await Promise.all(Array.from({ length: 16 }, (_, n) => succeeds(create(n))));
    assert.equal(outcomes.filter(Boolean).length, 1);
    assert.equal((await get(kv, 't/a'))?.value, String(outcomes.indexOf(true)));
  },

  'loses no update of many that read and then write': async (kv) => {
    const increment = async (): Promise<void> => {
      // Each time one of them succeeds.
      for (let attempt = 1; attempt <= 16; attempt += 1) {
        const found = await get(kv, 't/n');
        const value = String(Number(found?.value ?? 0) + 1);
        const expected = { key: 't/n', revision: found?.revision ?? 0 };
        if (await succeeds(kv.commit([expected], [{ key: 't/n', value }]))) return;
      }
    };
    await Promise.all(Array.from({ length: 16 }, increment));
    assert.equal((await get(kv, 't/n'))?.value, '16');
  },

  'shows all of a commit to a read, or nothing of it': async (kv) => {
    await put(kv, { 't/a': '0', 't/b': '0' });
    const write = async (): Promise<void> => {
      for (let n = 1; n <= 50; n += 1) await put(kv, { 't/a': String(n), 't/b': String(n) });
    };
    const watch = async (): Promise<void> => {
      for (let n = 0; n < 50; n += 1) {
        const [[a] = [], [b] = []] = await kv.read([{ key: 't/a' }, { key: 't/b' }]);
        assert.deepEqual([a?.value, a?.revision], [b?.value, b?.revision]);
      }
    };
    await Promise.all([write(), watch(), watch()]);
  },

  'takes thousands of operations in one commit, or none of them': async (kv) => {
    const keys = Array.from({ length: 3_000 }, (_, n) => `t/${padded(n)}`);
    const revision = await put(kv, Object.fromEntries(keys.map((key) => [key, key])));
    const removal = keys.map((key): KvOperation => ({ key, value: undefined }));
    const [first = '', last = ''] = [keys[0], keys.at(-1)];
    const stale = [
      { key: first, revision },
      { key: last, revision: revision + 1 },
    ];
    await failsWith('store.conflict', kv.commit(stale, removal));
    assert.equal((await list(kv, 't/')).length, keys.length);
    await kv.commit([{ key: first, revision }], removal);
    assert.deepEqual(await list(kv, 't/'), []);
  },

  'does in any sequence of commits what a plain model does': sameAsModel,
};
