// More machines with one address, and nothing else to tell them apart by, than are examined for one check-in.
import { beforeAll, describe, expect, it } from 'vitest';
import type { CheckinRequest } from '../../../src/model/api/agent.ts';
import { recognise } from '../../../src/server/checkin/recognition.ts';
import { newMachine } from '../../../src/server/rules/machine-record.ts';
import { openStore } from '../../../src/store/open.ts';
import type { Store } from '../../../src/store/store.ts';

const idOf = (n: number): string => `01a217bf-0000-7000-8000-${String(n).padStart(12, '0')}`;

async function register(store: Store, n: number, body: CheckinRequest): Promise<void> {
  const recognition = await recognise(store, body, new Set(), undefined);
  expect(recognition.found).toBeUndefined();
  await store.machines.put(newMachine(idOf(n), recognition, new Date(0)), 'absent', {});
}

it('know their own records by their tokens', async () => {
  const store = await openStore('memory:');
  const mac = '02:00:00:00:00:01';
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

// A dongle that each was installed with, and an address that every board of a maker has.
describe.each(['52:54:00:00:00:01', '88:88:88:88:87:88'])('with stock agents at %s', (mac) => {
  const body = (n: number): CheckinRequest => ({
    mac,
    cpu_model: `model ${n % 7}`,
    memory_bytes: 8 + n,
    disks: [{ name: 'sda', size_bytes: 1000 + n, model: 'M' }],
    existing_os: null,
  });
  let store: Store;
  beforeAll(async () => {
    store = await openStore('memory:');
    for (let n = 0; n < 150; n += 1) await register(store, n, body(n));
  });

  it.each([0, 63, 64, 65, 127, 128, 149])('number %i is known at each check-in', async (n) => {
    const { found } = await recognise(store, body(n), new Set(), undefined);
    expect(found?.value.id).toBe(idOf(n));
  });

  it('another one of another build is none of them', async () => {
    const { found } = await recognise(store, body(500), new Set(), undefined);
    expect(found).toBeUndefined();
  });
});
