// The records that a backup has, where others write meanwhile, and where a backend can do no more than it has to.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backUp } from '../../../src/store/backup/backup.ts';
import { restore } from '../../../src/store/backup/restore.ts';
import { checkStore } from '../../../src/store/check.ts';
import type { Kv } from '../../../src/store/kv/kv.ts';
import { backends, openedWithKv, skipIfMissing, temporaryDirectory } from '../backends.ts';
import { id, machine, workflow } from '../documents.ts';

describe.each(backends)('a backup of $name', (backend) => {
  skipIfMissing(backend);

  it('is of a single moment, whatever is written while it is read', async () => {
    const { kv, store } = await openedWithKv(await backend.url());
    await store.machines.put(machine(1));
    await store.workflows.put({ ...workflow(1, id(1)), status: { state: 'STATE_SUCCESS' } });
    const text = store.backup();
    let [lines, isChanged] = ['', false];
    for await (const piece of text) {
      lines += piece;
      if (isChanged || !piece.includes('"machines"')) continue;
      isChanged = true;
      await store.machines.delete(id(1));
      await store.workflows.delete(workflow(1, id(1)).metadata.name);
      await store.machines.put(machine(2));
      await store.workflows.put({ ...workflow(2, id(2)), status: { state: 'STATE_SUCCESS' } });
    }
    expect(isChanged).toBe(true);
    const file = join(temporaryDirectory(), 'backup');
    writeFileSync(file, lines);
    const other = await openedWithKv('memory:');
    expect(await restore(other.kv, file)).toBe(2);
    const workflows = (await other.store.workflows.listBy('machine', id(1))).items;
    expect(workflows).toMatchObject([{ value: { spec: { hardwareRef: id(1) } } }]);
    expect(await other.store.machines.get(id(1))).toBeDefined();
    expect(await checkStore(other.kv, undefined, () => {})).toMatchObject({ findings: 0 });
    expect(await checkStore(kv, undefined, () => {})).toMatchObject({ findings: 0 });
  });
});

it('a backup is whole where the backend of an embedder scans one prefix at a time', async () => {
  const { kv, store } = await openedWithKv('memory:');
  await store.machines.put(machine(1));
  await store.settings.put({ key: 'site.name', value: 'Basel' });
  const ofEmbedder: Kv = {
    read: (reads) => kv.read(reads),
    commit: (...args) => kv.commit(...args),
    scan: (prefix) => kv.scan(prefix),
    watch: (...args) => kv.watch(...args),
    close: () => kv.close(),
  };
  const whole = join(temporaryDirectory(), 'whole');
  const file = join(temporaryDirectory(), 'file');
  expect(await backUp(kv, whole)).toBe(2);
  expect(await backUp(ofEmbedder, file)).toBe(2);
  expect(readFileSync(file, 'utf8')).toBe(readFileSync(whole, 'utf8'));
});
