// The contract of all backends: what a Kv promises, and what the Store over it does with documents.
import { describe, expect, it } from 'vitest';
import { isAppError } from '../../src/core/errors.ts';
import type { IdentityConflict, MachineChange } from '../../src/model/history.ts';
import type { Machine } from '../../src/model/machine.ts';
import type { StoreChange } from '../../src/store/store.ts';
import type { Kv } from '../../src/store/kv/kv.ts';
import { testKv } from '../../src/store/kv-contract/suite.ts';
import { openKv } from '../../src/store/open.ts';
import { backends, opened, openedWithKv, skipIfMissing, tables } from './backends.ts';
import { put, id, machine, template, workflow } from './documents.ts';

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
