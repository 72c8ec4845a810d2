// More machines with one address, and nothing else to tell them apart by, than are examined for one check-in.
import { expect, it } from 'vitest';
import { recognise } from '../../../src/server/checkin/recognition.ts';
import { newMachine } from '../../../src/server/rules/machine-record.ts';
import { openStore } from '../../../src/store/open.ts';

it('know their own records by their tokens', async () => {
  const store = await openStore('memory:');
  const mac = '02:00:00:00:00:01';
  const idOf = (n: number): string => `01a217bf-0000-7000-8000-${String(n).padStart(12, '0')}`;
  const body = (n: number) => ({ mac, all_macs: [mac], boot_id: `boot ${n}`, sequence: 1 });
  const first = await recognise(store, body(0), new Set(), undefined);
  for (let n = 0; n < 70; n += 1) {
    const recognition = { ...first, request: body(n) };
    await store.machines.put(newMachine(idOf(n), recognition, new Date(0)), 'absent', {});
  }
  for (const n of [0, 63, 64, 69]) {
    const { found } = await recognise(store, { ...body(n), sequence: 2 }, new Set(), idOf(n));
    expect(found?.value.id).toBe(idOf(n));
  }
});
