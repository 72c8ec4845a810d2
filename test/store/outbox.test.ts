// The outbox: what a write sends out is in the same commit.
import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/core/errors.ts';
import { deliveryPrefix, type Delivery } from '../../src/model/documents/webhook.ts';
import { storeOver } from '../../src/store/kv-store.ts';
import { MemoryKv } from '../../src/store/memory.ts';
import type { Store, Write } from '../../src/store/store.ts';
import { backends, opened, skipIfMissing } from './backends.ts';
import { id, machine } from './documents.ts';

describe.each(backends)('$name', (backend) => {
  skipIfMissing(backend);

  async function sending(): Promise<{ store: Store; sent: () => Promise<string[]> }> {
    const store = await opened(await backend.url());
    let count = 0;
    store.sendOut(({ kind, name, document, isNew }: Write): Delivery[] => {
      const what = document === undefined ? 'deleted' : isNew ? 'made' : 'changed';
      const event = { type: `${kind} ${what}`, timestamp: '', data: {} };
      count += 1;
      const delivery = { id: String(count), webhook: 'a', lane: name, event };
      return [{ ...delivery, tries: 0, order: null, error: null, failed_at: null }];
    });
    const sent = async (): Promise<string[]> => {
      const found = [];
      for await (const item of store.deliveries.all(deliveryPrefix.waiting('a'))) found.push(item);
      return found
        .toSorted((a, b) => Number(a.revision) - Number(b.revision))
        .map(({ value }) => value.event.type);
    };
    return { store, sent };
  }

  it('goes out with what is written, and not with what is not', async () => {
    const { store, sent } = await sending();
    const revision = await store.machines.put(machine(1), 'absent');
    await expect(store.machines.put(machine(1), 'absent')).rejects.toThrow('changed');
    await store.machines.put(machine(1), { revision });
    await store.settings.put({ key: 'a', value: '1' });
    await store.settings.delete('a');
    expect(await store.settings.delete('a')).toBe(false);
    await store.machines.delete(id(1));
    expect(await sent()).toEqual([
      'machines made',
      'machines changed',
      'settings made',
      'settings deleted',
      'machines deleted',
    ]);
  });

  it('goes out with a conflict that is written along, and not with what is quiet', async () => {
    const { store, sent } = await sending();
    const conflict = {
      id: id(9),
      machine_id: id(1),
      reason: 'ambiguous' as const,
      candidates: [],
      created_at: '2026-01-02T03:04:05Z',
      resolution: null,
    };
    await store.machines.put(machine(1), undefined, { conflict });
    await store.machines.put(machine(1), undefined, { isQuiet: true });
    expect((await sent()).toSorted()).toEqual(['conflicts made', 'machines made']);
  });
});

it('a full store takes a removal without what it sends out, and says so', async () => {
  let isFull = false;
  const kv = new (class extends MemoryKv {
    override commit(...[expectations, operations]: Parameters<MemoryKv['commit']>) {
      const writes = operations.some(({ value }) => value !== undefined);
      if (isFull && writes) throw new AppError('store.full', 'no room');
      return super.commit(expectations, operations);
    }
  })();
  const store = storeOver(kv);
  const delivery = { id: '1', webhook: 'a', lane: '-', tries: 0, order: null, error: null };
  const lost: unknown[] = [];
  store.sendOut(
    ({ name }) => [
      { ...delivery, event: { type: name, timestamp: '', data: {} }, failed_at: null },
    ],
    (deliveries) => lost.push(...deliveries.map(({ event }) => event.type)),
  );
  await store.settings.put({ key: 'secret', value: '1' });
  isFull = true;
  await expect(store.settings.put({ key: 'b', value: '1' })).rejects.toMatchObject({
    code: 'store.full',
  });
  expect(await store.settings.delete('secret')).toBe(true);
  expect(lost).toEqual(['secret']);
  expect(await store.settings.get('secret')).toBeUndefined();
});
