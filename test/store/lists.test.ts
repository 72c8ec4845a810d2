// Indexes and lists of a store, on all backends.
import { describe, expect, it } from 'vitest';
import type { Machine, MachineState } from '../../src/model/machine.ts';
import type { Page, PageRequest, Versioned } from '../../src/store/store.ts';
import { backends, opened, openedWithKv, skipIfMissing, tables } from './backends.ts';
import { put, id, machine, template, workflow } from './documents.ts';

/** Names that could be mistaken for one another, or for a part of a key. */
const awkwardNames = [
  'a',
  'A',
  'a/b',
  'a/',
  '/',
  'a\0b',
  'a\0',
  '',
  ' ',
  '~',
  'a~0062',
  'ä',
  'a\u0308',
  'ﬀ',
  '😀',
  '\uD83D',
  '\uDE00',
  '..',
  '%2F',
  '__proto__',
  'x'.repeat(5000),
  `${'x'.repeat(4999)}y`,
];

function ids(page: Page<Machine>): string[] {
  return page.items.map((item) => item.value.id);
}

async function everyPage<T>(list: (page: PageRequest) => Promise<Page<T>>, limit: number) {
  const pages: Page<T>[] = [];
  let cursor: string | undefined;
  do {
    const page = await list({ limit, cursor });
    pages.push(page);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return pages;
}

async function valuesOf<T>(all: AsyncIterable<Versioned<T>>): Promise<T[]> {
  const values: T[] = [];
  for await (const { value } of all) values.push(value);
  return values;
}

describe.each(backends)('lists of a store on $name', (backend) => {
  const { url } = backend;
  skipIfMissing(backend);

  it('leaves no index entry behind when a machine changes or goes', async () => {
    const { store, kv } = await openedWithKv(await url());
    const full = machine(1, {
      all_macs: ['02:00:00:00:00:01', '02:00:00:00:00:02'],
      smbios_uuid: '4c4c4544-0051-3510-8052-b4c04f4a3132',
    });
    full.config.tags = ['a', 'b', 'a'];
    await store.machines.put(full);
    const other = machine(1, {
      primary_mac: '02:00:00:00:00:07',
      all_macs: ['02:00:00:00:00:07'],
    });
    other.status.state = { Error: { message: 'no disk' } };
    other.config.tags = ['b'];
    await store.machines.put(other);
    expect(await tables(kv)).toEqual([
      `machines/${id(1)}`,
      `machines_by_any_mac/02:00:00:00:00:07/${id(1)}`,
      `machines_by_identity/${other.identity.identity_hash}/${id(1)}`,
      `machines_by_mac/02:00:00:00:00:07/${id(1)}`,
      `machines_by_state/Error/${id(1)}`,
      `machines_by_tag/b/${id(1)}`,
    ]);
    expect(await store.machines.delete(id(1))).toBe(true);
    expect(await store.machines.delete(id(1))).toBe(false);
    expect(await tables(kv)).toEqual([]);
  });

  it('finds machines by any MAC and by SMBIOS UUID, but not by a placeholder', async () => {
    const store = await opened(await url());
    const uuid = '4c4c4544-0051-3510-8052-b4c04f4a3132';
    const zero = '00000000-0000-0000-0000-000000000000';
    await put(
      store,
      machine(1, { all_macs: ['02:00:00:00:00:0A'], smbios_uuid: uuid.toUpperCase() }),
    );
    await put(store, machine(2, { all_macs: ['02:00:00:00:00:0a'], smbios_uuid: zero }));
    const found = await store.machines.find(
      [
        { mac: '02-00-00-00-00-0a' },
        { mac: '02:00:00:00:00:01' },
        { smbiosUuid: uuid },
        { smbiosUuid: zero },
        { primaryMac: '02:00:00:00:00:0a' },
      ],
      8,
    );
    expect(found.map((f) => f.machineIds)).toEqual([[id(1), id(2)], [id(1)], [id(1)], [], []]);
  });

  it('refuses a machine when another got its clue since it was looked up', async () => {
    const store = await opened(await url());
    const clue = { primaryMac: '02:00:00:00:00:01' };
    const unlessSeen = await store.machines.find([clue], 8);
    await put(store, machine(1));
    const twin = machine(2, { primary_mac: '02:00:00:00:00:01' });
    await expect(store.machines.put(twin, 'absent', { unlessSeen })).rejects.toMatchObject({
      code: 'store.conflict',
    });
    const seenNow = await store.machines.find([clue], 8);
    await store.machines.put(twin, 'absent', { unlessSeen: seenNow });
    // The machine that registered first is the one that the MAC stands for.
    expect((await store.machines.byMac(clue.primaryMac))?.value.id).toBe(id(1));
  });

  it('lists machines in pages, in the order of their ids, each once', async () => {
    const store = await opened(await url());
    for (const n of [5, 3, 1, 4, 2]) await put(store, machine(n));
    const pages = await everyPage((page) => store.machines.list(page), 2);
    expect(pages.map(ids)).toEqual([[id(1), id(2)], [id(3), id(4)], [id(5)]]);
    expect(ids(await store.machines.list())).toHaveLength(5);
  });

  it('goes on after a machine that was deleted between two pages', async () => {
    const store = await opened(await url());
    for (const n of [1, 2, 3]) await put(store, machine(n));
    const { nextCursor: cursor } = await store.machines.list({ limit: 1 });
    await store.machines.delete(id(1));
    expect(ids(await store.machines.list({ cursor }))).toEqual([id(2), id(3)]);
  });

  it('refuses a cursor that no page gave', async () => {
    const store = await opened(await url());
    for (const cursor of ['', 'a/b', 'a\nb', 'x'.repeat(5000), 'ä']) {
      await expect(store.machines.list({ cursor })).rejects.toMatchObject({
        code: 'request.invalid',
      });
    }
  });

  it('lists machines by tag and by state, in pages', async () => {
    const store = await opened(await url());
    const states: MachineState[] = ['Ready', { Error: { message: 'x' } }, 'Ready', 'Ready'];
    for (const [n, state] of states.entries()) {
      const one = machine(n);
      one.status.state = state;
      one.config.tags = n % 2 === 0 ? ['even', 'all'] : ['all'];
      await put(store, one);
    }
    expect(ids(await store.machines.listBy('tag', 'even'))).toEqual([id(0), id(2)]);
    expect(ids(await store.machines.listBy('state', 'Error'))).toEqual([id(1)]);
    const pages = await everyPage((page) => store.machines.listBy('state', 'Ready', page), 2);
    expect(pages.map(ids)).toEqual([[id(0), id(2)], [id(3)]]);
    expect(ids(await store.machines.listBy('tag', 'none'))).toEqual([]);
  });

  it('keeps names apart, whatever is in them', async () => {
    const { store, kv } = await openedWithKv(await url());
    for (const [n, name] of awkwardNames.entries()) {
      const one = machine(n);
      one.config.tags = [name];
      await put(store, one);
      await store.settings.put({ key: name, value: `value ${n}` });
      await store.templates.put(template(name));
      await store.workflows.put(workflow(n, name));
    }
    for (const [n, name] of awkwardNames.entries()) {
      expect(ids(await store.machines.listBy('tag', name))).toEqual([id(n)]);
      expect((await store.settings.get(name))?.value.value).toBe(`value ${n}`);
      expect((await store.templates.get(name))?.value.metadata.name).toBe(name);
      expect((await store.workflows.listBy('machine', name)).items).toHaveLength(1);
    }
    for (const key of await tables(kv)) {
      expect(key).toMatch(/^[ -~]{1,900}$/);
    }
  });

  it('lists the settings under any prefix', async () => {
    const store = await opened(await url());
    for (const name of awkwardNames) await store.settings.put({ key: name, value: '1' });
    for (const prefix of [...awkwardNames, 'a.', 'xx', 'x'.repeat(300)]) {
      const pages = await everyPage((page) => store.settings.list({ prefix, ...page }), 2);
      const keys = pages.flatMap((page) => page.items.map((item) => item.value.key));
      expect(keys.toSorted()).toEqual(awkwardNames.filter((n) => n.startsWith(prefix)).toSorted());
      expect(pages.slice(0, -1).every((page) => page.items.length === 2)).toBe(true);
    }
  });

  it('gives all documents, and all with a value, however many pages they fill', async () => {
    const store = await opened(await url());
    for (let n = 0; n < 600; n += 1) {
      const one = machine(n);
      one.config.tags = n % 2 === 0 ? ['even'] : [];
      await store.machines.put(one);
    }
    const all = (await valuesOf(store.machines.all())).map((m) => m.id);
    expect(all).toEqual(Array.from({ length: 600 }, (_, n) => id(n)));
    const even = (await valuesOf(store.machines.allBy('tag', 'even'))).map((m) => m.id);
    expect(even).toEqual(all.filter((_, n) => n % 2 === 0));
    for (const key of ['a', 'b.1', 'b.2', 'c']) await store.settings.put({ key, value: '' });
    const under = (await valuesOf(store.settings.all('b.'))).map((setting) => setting.key);
    expect(under).toEqual(['b.1', 'b.2']);
  });
});
