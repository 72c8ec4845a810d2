// The contract of `read` and `scan`.
import assert from 'node:assert/strict';
import type { KvEntry } from '../kv/kv.ts';
import { get, keysOf, list, padded, put, remove, scanned, type KvTest } from './steps.ts';

/** Keys with a space, a slash, a tilde, digits and letters, in byte order. */
const awkwardKeys = [
  't/',
  't/ ',
  't/0',
  't/A',
  't/a',
  't/a ',
  't/a/',
  't/a/b',
  't/aa',
  't/~',
  't/~~',
];
const outside = ['s', 't', 't.', 't0', 'u/'];

export const reading: Readonly<Record<string, KvTest>> = {
  'gives back what was written, with the revision of its commit': async (kv) => {
    const first = await put(kv, { 't/a': 'one', 't/b': 'two' });
    const second = await put(kv, { 't/b': 'three' });
    assert.deepEqual(await get(kv, 't/a'), { key: 't/a', value: 'one', revision: first });
    assert.deepEqual(await get(kv, 't/b'), { key: 't/b', value: 'three', revision: second });
  },

  'gives nothing for a key that is absent or was removed': async (kv) => {
    await put(kv, { 't/a': '1', 't/b': '2' });
    await remove(kv, 't/a');
    assert.deepEqual(await kv.read([{ key: 't/a' }, { key: 't/' }, { key: 't/aa' }]), [[], [], []]);
    assert.deepEqual(keysOf(await list(kv, 't/')), ['t/b']);
  },

  'lists the keys under a prefix in byte order, and no others': async (kv) => {
    const keys = [...awkwardKeys, ...outside].toReversed();
    await put(kv, Object.fromEntries(keys.map((key) => [key, key])));
    assert.deepEqual(keysOf(await list(kv, 't/')), awkwardKeys);
    assert.deepEqual(keysOf(await list(kv, 't/a/')), ['t/a/', 't/a/b']);
    assert.deepEqual(await list(kv, 'none/'), []);
  },

  'lists up to a limit, and goes on after a key that may be gone': async (kv) => {
    await put(kv, Object.fromEntries(awkwardKeys.map((key) => [key, key])));
    for (const limit of [1, 3]) {
      const seen: string[] = [];
      for (let after: string | undefined; seen.length < 100;) {
        const page = await list(kv, 't/', limit, after);
        assert.ok(page.length <= limit, `${page.length} entries for a limit of ${limit}`);
        if (page.length === 0) break;
        seen.push(...keysOf(page));
        after = page.at(-1)?.key;
      }
      assert.deepEqual(seen, awkwardKeys);
    }
    await remove(kv, 't/a');
    assert.deepEqual(keysOf(await list(kv, 't/', 2, 't/a')), ['t/a ', 't/a/']);
  },

  'answers thousands of reads in the order in which they are asked': async (kv) => {
    await put(kv, { 't/a/1': '1', 't/a/2': '2' });
    const three = [{ key: 't/a/2' }, { key: 't/none' }, { prefix: 't/a/', limit: 9 }];
    const answers = await kv.read(
      Array.from({ length: 2_400 }, (_, i) => three[i % 3] ?? { key: '' }),
    );
    assert.equal(answers.length, 2_400);
    answers.forEach((entries, i) => {
      assert.deepEqual(keysOf(entries), [['t/a/2'], [], ['t/a/1', 't/a/2']][i % 3]);
    });
  },

  'keeps any text, a few megabytes of it too': async (kv) => {
    const texts = ['', ' ', '\0', '"\\\r\n', 'ä\u0308 😀 \uffff', 'ä'.repeat(2_000_000)];
    await put(kv, Object.fromEntries(texts.map((text, i) => [`t/${i}`, text])));
    const values = (await list(kv, 't/')).map((entry) => entry.value);
    assert.equal(values.length, texts.length);
    texts.forEach((text, i) => assert.ok(values[i] === text, `text ${i} came back changed`));
  },

  'tells keys of 900 characters apart': async (kv) => {
    const keys = ['a', 'b'].map((end) => `t/${'x'.repeat(897)}${end}`);
    await put(kv, Object.fromEntries(keys.map((key) => [key, key])));
    for (const key of keys) assert.equal((await get(kv, key))?.value, key);
    assert.deepEqual(keysOf(await list(kv, 't/')), keys);
  },

  'scans everything under a prefix, once and in order': async (kv) => {
    assert.deepEqual(await scanned(kv, 't/'), []);
    const keys = Array.from({ length: 1_500 }, (_, n) => `t/${padded(n)}`);
    const revision = await put(kv, Object.fromEntries(keys.map((key) => [key, `value of ${key}`])));
    await put(kv, { s: '', u: '' });
    const wanted = keys.map((key) => ({ key, value: `value of ${key}`, revision }));
    assert.deepEqual(await scanned(kv, 't/'), wanted);
  },

  'scans what stays as it is once and in order while others write': async (kv) => {
    const keys = Array.from({ length: 1_500 }, (_, n) => `t/${padded(n)}`);
    await put(kv, Object.fromEntries(keys.map((key) => [key, ''])));
    const seen: KvEntry[] = [];
    for await (const piece of kv.scan('t/')) {
      if (seen.length === 0) {
        await put(kv, { 't/0700+': 'new', 't/0800': 'changed' });
        await remove(kv, 't/0900', 't/1400');
      }
      seen.push(...piece);
    }
    const touched = new Set(['t/0700+', 't/0800', 't/0900', 't/1400']);
    const untouched = (key: string): boolean => !touched.has(key);
    assert.deepEqual(keysOf(seen), keysOf(seen).toSorted());
    assert.deepEqual(keysOf(seen).filter(untouched), keys.filter(untouched));
  },

  'scans several prefixes one after another, as they were when it began': async (kv) => {
    if (kv.scanAll === undefined) return;
    await put(kv, { 's/1': 'a', 's/2': 'a', 't/1': 'a', 'u/1': 'a' });
    const pieces: string[][] = [];
    for await (const piece of kv.scanAll(['u/', 'none/', 's/', 't/'], 1)) {
      if (pieces.length === 0) {
        await put(kv, { 's/1': 'b', 't/0': 'b' });
        await remove(kv, 's/2', 't/1');
      }
      pieces.push(piece.map(({ key, value }) => `${key} ${value}`));
    }
    assert.deepEqual(pieces, [['u/1 a'], ['s/1 a'], ['s/2 a'], ['t/1 a']]);
  },
};
