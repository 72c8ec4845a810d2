import { describe, expect, it } from 'vitest';
import { checkStore, type Finding } from '../../src/store/check.ts';
import type { Kv } from '../../src/store/kv/kv.ts';
import { backends, openedWithKv, skipIfMissing, tables } from './backends.ts';
import { id, machine, workflow } from './documents.ts';

async function check(kv: Kv, repair = false): Promise<Finding[]> {
  const findings: Finding[] = [];
  const result = await checkStore(kv, repair ? new Date() : undefined, (finding) => {
    findings.push(finding);
  });
  expect(result.findings).toBe(findings.length);
  expect(result.repaired).toBe(findings.filter((f) => f.repaired).length);
  return findings;
}

describe.each(backends)('check of a store on $name', (backend) => {
  skipIfMissing(backend);

  it('finds nothing wrong in what the store wrote', async () => {
    const { store, kv } = await openedWithKv(await backend.url());
    for (let n = 0; n < 10; n += 1) await store.machines.put(machine(n));
    await store.workflows.put(workflow(1, id(1)));
    expect(await check(kv)).toEqual([]);
  });

  it('finds and repairs every way in which an index disagrees with the records', async () => {
    const { store, kv } = await openedWithKv(await backend.url());
    const one = machine(1);
    one.config.tags = ['a'];
    await store.machines.put(one);
    await store.workflows.put(workflow(1, id(1)));
    const good = await tables(kv);
    const wrong = [
      // A tag that the record does not have, machines that there are none of, a lost entry.
      { key: `machines_by_tag/b/${id(1)}`, value: '' },
      { key: `machines_by_mac/02:00:00:00:00:01/${id(2)}`, value: '' },
      { key: `workflows_by_machine/${id(3)}/${id(4)}`, value: '' },
      { key: `machines_by_tag/a/${id(1)}`, value: undefined },
      { key: `machines_by_state/Discovered/${id(1)}`, value: undefined },
    ];
    await kv.commit([], wrong);
    const found = await check(kv);
    expect(found.map((f) => `${f.what}: ${f.key}`).toSorted()).toEqual(
      wrong
        .map((w) => `${w.value === undefined ? 'missing' : 'stray'} index entry: ${w.key}`)
        .toSorted(),
    );
    expect(found.every((f) => !f.repaired)).toBe(true);
    expect((await check(kv, true)).every((f) => f.repaired)).toBe(true);
    expect(await check(kv)).toEqual([]);
    expect(await tables(kv)).toEqual(good);
  });

  it('reports records that it cannot read, and puts them aside as they are', async () => {
    const { store, kv } = await openedWithKv(await backend.url());
    await store.machines.put(machine(1));
    await kv.commit(
      [],
      [
        { key: `machines/${id(2)}`, value: '{"id":' },
        { key: `machines/${id(3)}`, value: '{"id":"x"}' },
        // Found by an index that nobody can tell from the record.
        { key: `machines_by_tag/a/${id(2)}`, value: '' },
        { key: `machines/${id(4)}`, value: JSON.stringify(machine(5)) },
      ],
    );
    const before = await tables(kv);
    const found = await check(kv);
    expect(await tables(kv)).toEqual(before);
    expect(found.map((f) => [f.what, f.key])).toEqual([
      ['unreadable record', `machines/${id(2)}`],
      ['unreadable record', `machines/${id(3)}`],
      ['record under a wrong key', `machines/${id(4)}`],
    ]);
    expect((await check(kv, true)).every((finding) => finding.repaired)).toBe(true);
    expect(await check(kv)).toEqual([]);
    expect((await store.machines.list()).items.map(({ value }) => value)).toEqual([machine(1)]);
    expect((await tables(kv)).filter((key) => key.includes(id(2)))).toEqual([]);
    const raw = await store.damage.get(`machines/${id(2)}`);
    expect(raw).toMatchObject({ aside: true, value: '{"id":' });
    // A second one of that name stays in its place: nothing that was put aside is lost.
    await kv.commit([], [{ key: `machines/${id(2)}`, value: 'another' }]);
    expect((await check(kv, true)).map((finding) => finding.repaired)).toEqual([false]);
    expect(await store.damage.get(`machines/${id(2)}`)).toMatchObject({ value: 'another' });
    for (const value of ['another', '{"id":']) {
      expect(await store.damage.get(`machines/${id(2)}`)).toMatchObject({ value });
      expect(await store.damage.delete(`machines/${id(2)}`)).toBe(true);
    }
    expect(await store.damage.delete(`machines/${id(2)}`)).toBe(false);
  });

  it('takes no change that happens meanwhile for a fault', async () => {
    const { store, kv } = await openedWithKv(await backend.url());
    for (let n = 0; n < 20; n += 1) await store.machines.put(machine(n));
    const stop = new AbortController();
    const writer = (async () => {
      for (let round = 0; !stop.signal.aborted; round += 1) {
        const one = machine(round % 20);
        one.config.tags = [`round ${round}`];
        await (round % 3 === 0 ? store.machines.delete(one.id) : store.machines.put(one));
      }
    })();
    for (let n = 0; n < 5; n += 1) expect(await check(kv)).toEqual([]);
    stop.abort();
    await writer;
  });
});
