// The contract of all backends: what a Kv promises, what the Store over it does, and what it leaves in its
// tables.
import { describe, expect, it } from 'vitest';
import { isAppError } from '../../src/core/errors.ts';
import type { IdentityConflict, MachineChange } from '../../src/model/history.ts';
import type { Machine, MachineState } from '../../src/model/machine.ts';
import type { Page, PageRequest, Store, StoreChange, Versioned } from '../../src/store/store.ts';
import type { Kv } from '../../src/store/kv/kv.ts';
import { testKv } from '../../src/store/kv-contract/suite.ts';
import { openKv } from '../../src/store/open.ts';
import { backends, opened, openedWithKv, skipIfMissing, tables } from './backends.ts';
import { id, machine, template, workflow } from './documents.ts';

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

async function put(store: Store, document: Machine): Promise<Machine> {
  await store.machines.put(document);
  return document;
}

function conflict(n: number, machineId: string, candidateId: string): IdentityConflict {
  return {
    id: id(n),
    machine_id: machineId,
    reason: 'ambiguous',
    candidates: [{ machine_id: candidateId, evidence: ['has the MAC 02:00:00:00:00:01'] }],
    created_at: '2026-01-02T03:04:05Z',
    resolution: null,
  };
}

/** false for a conflict, so that the caller tries again; anything else fails the test. */
function isConflict(err: unknown): boolean {
  if (isAppError(err, 'store.conflict')) return false;
  throw err;
}

describe.each(backends)('$name', (backend) => {
  skipIfMissing(backend);
  const urls = new WeakMap<Kv, string>();
  const open = async (url: string): Promise<Kv> => {
    const kv = await openKv(url);
    urls.set(kv, url);
    return kv;
  };
  const reopen = (closed: Kv): Promise<Kv> => open(urls.get(closed) ?? '');
  const keeps = backend.name === 'memory' ? {} : { reopen };
  const { name, url } = backend;
  testKv({ name, open: async () => open(await url()), ...keeps }, { describe, it });
});

describe.each(backends)('a store on $name', (backend) => {
  const { url } = backend;
  skipIfMissing(backend);

  it('gives a machine back as it was put, by id, hash and MAC', async () => {
    const store = await opened(await url());
    const one = await put(store, machine(1));
    await put(store, machine(2));
    const wanted = { value: one };
    expect(await store.machines.get(one.id)).toMatchObject(wanted);
    expect(await store.machines.byIdentity(one.identity.identity_hash)).toMatchObject(wanted);
    expect(await store.machines.byMac('02-00-00-00-00-01')).toMatchObject(wanted);
    expect(await store.machines.get(id(9))).toBeUndefined();
    expect(await store.machines.byIdentity('0')).toBeUndefined();
    expect(await store.machines.byMac('02:00:00:00:00:09')).toBeUndefined();
  });

  it('keeps fields that this version does not know, at any depth', async () => {
    const store = await opened(await url());
    const known = machine(1);
    const future = {
      ...known,
      firmware: { slots: [{ rev: null }] },
      hardware: {
        ...known.hardware,
        disks: [{ device: '/dev/sda', model: null, serial: null, nvme: { ns: 1 } }],
      },
      metadata: { ...known.metadata, ['__proto__x']: 1 },
    };
    // A record of a later version, as this one reads it.
    await store.machines.put(future as unknown as Machine);
    const read = await store.machines.get(known.id);
    expect(read?.value).toEqual(future);
  });

  it('keeps integers beyond 2^53 exactly through a read and a write', async () => {
    const { store, kv } = await openedWithKv(await url());
    const text = JSON.stringify(machine(1)).replace(
      '"tags":[]',
      '"tags":[],"u":18446744073709551615',
    );
    await kv.commit([], [{ key: `machines/${id(1)}`, value: text }]);
    const read = await store.machines.get(id(1));
    await store.machines.put(read?.value ?? machine(1));
    const [entries] = await kv.read([{ key: `machines/${id(1)}` }]);
    expect(entries?.[0]?.value).toBe(text);
  });

  it('refuses a put with a stale revision and writes nothing', async () => {
    const { store, kv } = await openedWithKv(await url());
    const first = await store.machines.put(machine(1), 'absent');
    const second = await store.machines.put(machine(1), { revision: first });
    const before = await tables(kv);
    const stale = machine(1, { primary_mac: '02:00:00:00:00:99' });
    for (const expected of [{ revision: first }, 'absent'] as const) {
      await expect(store.machines.put(stale, expected)).rejects.toMatchObject({
        code: 'store.conflict',
      });
      await expect(store.machines.delete(id(1), expected)).rejects.toMatchObject({
        code: 'store.conflict',
      });
    }
    await expect(
      store.machines.put(stale, { revision: first }, { replaces: machine(1) }),
    ).rejects.toMatchObject({ code: 'store.conflict' });
    expect(await tables(kv)).toEqual(before);
    expect((await store.machines.get(id(1)))?.revision).toBe(second);
  });

  it('does not take the revision of a deleted document for that of its successor', async () => {
    const store = await opened(await url());
    const old = await store.settings.put({ key: 'a', value: '1' });
    await store.settings.delete('a');
    await store.settings.put({ key: 'a', value: '2' });
    await expect(
      store.settings.put({ key: 'a', value: '3' }, { revision: old }),
    ).rejects.toMatchObject({
      code: 'store.conflict',
    });
  });

  it('lets one of many concurrent creations win', async () => {
    const store = await opened(await url());
    const puts = Array.from({ length: 32 }, () => store.machines.put(machine(1), 'absent'));
    const settled = await Promise.allSettled(puts);
    expect(settled.filter((s) => s.status === 'fulfilled')).toHaveLength(1);
  });

  it('loses no update of concurrent read-modify-writes', async () => {
    const store = await opened(await url());
    await store.settings.put({ key: 'n', value: '0' });
    const increment = async (): Promise<void> => {
      for (;;) {
        const read = await store.settings.get('n');
        const next = String(Number(read?.value.value) + 1);
        const writing = store.settings.put(
          { key: 'n', value: next },
          { revision: read?.revision ?? '' },
        );
        if (await writing.then(() => true, isConflict)) return;
      }
    };
    await Promise.all(Array.from({ length: 16 }, increment));
    expect((await store.settings.get('n'))?.value.value).toBe('16');
  });

  it('carries out concurrent unconditional puts of one document', async () => {
    const store = await opened(await url());
    await Promise.all(
      Array.from({ length: 16 }, (_, n) => store.settings.put({ key: 'a', value: String(n) })),
    );
    expect(Number((await store.settings.get('a'))?.value.value)).toBeLessThan(16);
  });

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

  it('keeps the last 50 changes of a machine, newest first, until it is deleted', async () => {
    const store = await opened(await url());
    const change = (n: number): MachineChange => ({
      at: '2026-01-02T03:04:05Z',
      what: 'memory_bytes',
      before: n,
      after: n + 1,
    });
    for (let n = 0; n < 30; n += 1) {
      await store.machines.put(machine(1), undefined, {
        changes: [change(2 * n + 1), change(2 * n)],
      });
    }
    const history = await store.machines.history(id(1));
    expect(history.map((c) => c.before)).toEqual(Array.from({ length: 50 }, (_, i) => 59 - i));
    await store.machines.delete(id(1));
    expect(await store.machines.history(id(1))).toEqual([]);
  });

  it('keeps conflicts, written with the machine they are about, by each machine they name', async () => {
    const store = await opened(await url());
    await put(store, machine(1));
    const found = conflict(3, id(2), id(1));
    await store.machines.put(machine(2), 'absent', { conflict: found });
    for (const about of [id(1), id(2)]) {
      const { items } = await store.conflicts.listBy('machine', about);
      expect(items.map((item) => item.value)).toEqual([found]);
    }
    const read = await store.conflicts.get(found.id);
    const resolved: IdentityConflict = {
      ...found,
      resolution: { decision: 'split', into: null, at: '2026-01-02T03:04:06Z' },
    };
    await store.conflicts.put(resolved, { revision: read?.revision ?? '' });
    expect((await store.conflicts.list()).items.map((item) => item.value)).toEqual([resolved]);
    expect(await store.conflicts.delete(found.id)).toBe(true);
    expect((await store.conflicts.listBy('machine', id(1))).items).toEqual([]);
  });

  it('keeps templates by name and workflows by machine', async () => {
    const store = await opened(await url());
    await store.templates.put(template('debian'));
    await store.templates.put(template('arch'));
    const names = (await store.templates.list()).items.map((item) => item.value.metadata.name);
    expect(names).toEqual(['arch', 'debian']);
    expect(await store.templates.delete('arch')).toBe(true);
    expect(await store.templates.get('arch')).toBeUndefined();
    await store.workflows.put(workflow(1, id(7)));
    await store.workflows.put(workflow(2, id(8)));
    await store.workflows.put(workflow(1, id(8)));
    const { items } = await store.workflows.listBy('machine', id(8));
    expect(items.map((item) => item.value)).toEqual([workflow(1, id(8)), workflow(2, id(8))]);
    expect((await store.workflows.listBy('machine', id(7))).items).toEqual([]);
    expect((await store.workflows.list()).items).toHaveLength(2);
    expect(await store.workflows.delete(id(1))).toBe(true);
    expect((await store.workflows.listBy('machine', id(8))).items).toHaveLength(1);
  });

  it('takes a machine with more ports and text than one request of a backend', async () => {
    const { store, kv } = await openedWithKv(await url());
    const macs = Array.from(
      { length: 1024 },
      (_, i) =>
        `02:00:00:01:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
    );
    const huge = machine(1, { all_macs: macs });
    huge.metadata.labels = { note: 'ä'.repeat(2_000_000) };
    const revision = await store.machines.put(huge, 'absent');
    expect((await store.machines.get(id(1)))?.value).toEqual(huge);
    const found = await store.machines.find(
      macs.map((mac) => ({ mac })),
      2,
    );
    expect(found.every((f) => f.machineIds.length === 1)).toBe(true);
    await store.machines.put(machine(1), { revision });
    expect((await tables(kv)).filter((key) => key.startsWith('machines_by_any_mac/'))).toHaveLength(
      1,
    );
  });

  it('tells those who watch of every change', async () => {
    const store = await opened(await url());
    const heard: StoreChange[] = [];
    const stop = new AbortController();
    await store.watch((change) => {
      if (change !== undefined) heard.push(change);
    }, stop.signal);
    await put(store, machine(1));
    await store.machines.delete(id(1));
    await store.templates.put(template('a/b'));
    await store.settings.put({ key: 'end', value: '' });
    // Only changes of one kind are told in their order.
    await expect.poll(() => heard.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(4);
    stop.abort();
    await store.settings.put({ key: 'later', value: '' });
    expect(heard).toContainEqual({ kind: 'machines', id: id(1), removed: false });
    expect(heard).toContainEqual({ kind: 'machines', id: id(1), removed: true });
    expect(heard).toContainEqual({ kind: 'templates', id: 'a/b', removed: false });
    expect(heard).toContainEqual({ kind: 'settings', id: 'end', removed: false });
    expect(heard.some((change) => change.id === 'later')).toBe(false);
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

  it('refuses work after it was closed', async () => {
    const store = await opened(await url());
    await store.close();
    await expect(store.machines.get(id(1))).rejects.toMatchObject({ code: 'store.unavailable' });
    await expect(store.machines.put(machine(1))).rejects.toMatchObject({
      code: 'store.unavailable',
    });
    await store.close();
  });
});
