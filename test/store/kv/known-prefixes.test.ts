import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { KnownPrefixes } from '../../../src/store/kv/known-prefixes.ts';
import { PrefixFilter } from '../../../src/store/kv/prefix-filter.ts';
import { openDirectory } from '../../../src/store/lmdb/data-directory.ts';
import { temporaryDirectory } from '../backends.ts';

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

it('a filter knows every prefix that it was given, and hardly any other', () => {
  const filter = new PrefixFilter();
  const all = numbers(0, 100_000);
  for (const n of all) filter.add(`machines_by_mac/02:00:${n.toString(16)}/0190-${n}`);
  expect(filter.mayHave('machines_by_mac/')).toBe(true);
  expect(filter.mayHave('machines_by_mac/02:00:/')).toBe(false);
  expect(all.filter((n) => !filter.mayHave(`machines_by_mac/02:00:${n.toString(16)}/`))).toEqual(
    [],
  );
  const others = numbers(100_000, 200_000);
  const seeming = others.filter((n) => filter.mayHave(`machines_by_mac/02:00:${n.toString(16)}/`));
  expect(seeming.length).toBeLessThan(1000);
});

it('lacks nothing in a store that had keys until they cost no more to read than what was looked for', async () => {
  let reads = 0;
  const stored = numbers(0, 1200).map((n) => `t/${String(n).padStart(4, '0')}/a`);
  const prefixes = new KnownPrefixes(stored.length, (after, limit) => {
    reads += 1;
    const from = after === undefined ? 0 : stored.indexOf(after) + 1;
    return stored.slice(from, from + limit);
  });
  prefixes.written('t/new/a');
  for (let n = 0; n < 239; n += 1) prefixes.lookedInVain();
  await until(() => true);
  expect([reads, prefixes.lack('t/u/')]).toEqual([0, false]);
  prefixes.lookedInVain();
  prefixes.written('t/newer/a');
  await until(() => prefixes.lack('t/u/'));
  prefixes.written('t/newest/a');
  expect(
    [...stored, 't/new/a', 't/newer/a', 't/newest/a'].filter((key) =>
      prefixes.lack(key.slice(0, -1)),
    ),
  ).toEqual([]);
  // A beginning that ends within a part may be that of any key.
  expect(prefixes.lack('t/other')).toBe(false);
  expect(prefixes.lack('t/other/')).toBe(true);
});

it('lacks nothing where the keys could not be read, until they can', async () => {
  let isBroken = true;
  const prefixes = new KnownPrefixes(10, (after) => {
    if (after === undefined) return ['t/a/b'];
    if (isBroken) throw new Error('no such file');
    return [];
  });
  const look = async (): Promise<void> => {
    prefixes.lookedInVain();
    prefixes.lookedInVain();
    for (let n = 0; n < 10; n += 1) await turn();
  };
  await look();
  expect(prefixes.lack('t/u/')).toBe(false);
  isBroken = false;
  await look();
  expect([prefixes.lack('t/u/'), prefixes.lack('t/a/')]).toEqual([true, false]);
});

it('a data file that is opened again has all that is looked for, however often others were not there', async () => {
  const directory = temporaryDirectory();
  const keys = numbers(0, 2000).map((n) => `t/${n}/a`);
  const first = await openDirectory(directory, {}, systemClock);
  await first.commit(
    [],
    keys.map((key) => ({ key, value: '' })),
  );
  await first.close();
  const kv = await openDirectory(directory, {}, systemClock);
  for (let n = 0; n < 2000; n += 1) {
    expect(await kv.read([{ prefix: `u/${n}/`, limit: 1 }])).toEqual([[]]);
    await turn();
  }
  const found = await kv.read(keys.map((key) => ({ prefix: key.slice(0, -1), limit: 2 })));
  expect(found.map((entries) => entries.map(({ key }) => key))).toEqual(keys.map((key) => [key]));
  const added = { key: 't/0/b', value: '' };
  await expect(kv.commit([{ prefix: 't/0/', newest: 0 }], [added])).rejects.toThrow('changed');
  await kv.commit([{ prefix: 'v/0/', newest: 0 }], [{ key: 'v/0/a', value: '' }]);
  await expect(kv.commit([{ prefix: 'v/0/', newest: 0 }], [added])).rejects.toThrow('changed');
  await kv.close();
});

it('a scan goes on to the end of its snapshot, though all was removed and nothing of it is known any more', async () => {
  const directory = temporaryDirectory();
  const keys = numbers(0, 1200).map((n) => `t/${n}`);
  const first = await openDirectory(directory, {}, systemClock);
  await first.commit(
    [],
    keys.map((key) => ({ key, value: '' })),
  );
  await first.close();
  const kv = await openDirectory(directory, {}, systemClock);
  let seen = 0;
  for await (const piece of kv.scan('t/')) {
    if (seen === 0) {
      await kv.commit(
        [],
        keys.map((key) => ({ key, value: undefined })),
      );
      for (let n = 0; n < 2000; n += 1) {
        await kv.read([{ prefix: `u/${n}/`, limit: 1 }]);
        await turn();
      }
    }
    seen += piece.length;
  }
  expect(seen).toBe(keys.length);
  await kv.close();
});

async function until(isSo: () => boolean): Promise<void> {
  do await turn();
  while (!isSo());
}
