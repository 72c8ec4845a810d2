import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { Principal } from '../../../src/server/access/principal.ts';
import { changeMachine, loadMachine } from '../../../src/server/machines/machines.ts';
import { within } from '../../../src/server/machines/within.ts';
import { openStore } from '../../../src/store/open.ts';
import { id, machine } from '../../store/documents.ts';

const rest = { sha256: '', expires: null, isSession: false };
const by: Principal = { kind: 'token', name: 'rack', scope: 'operate', tags: ['rack-1'], ...rest };

async function prepared() {
  const store = await openStore('memory:');
  const s = { store, clock: systemClock };
  const tag = (tags: string[]) =>
    changeMachine(s, id(1), (one) => ({ ...one, config: { ...one.config, tags } }));
  await store.machines.put(machine(1));
  await tag(['rack-1']);
  return { s, tag };
}

it('a limited sender loses a machine whose tag is taken away while it changes it', async () => {
  const { s, tag } = await prepared();
  let isTaken = false;
  const change = changeMachine(within(s, by), id(1), async (one) => {
    if (!isTaken) await tag([]);
    isTaken = true;
    return { ...one, config: { ...one.config, notes: 'mine' } };
  });
  await expect(change).rejects.toMatchObject({ code: 'machine.unknown' });
  expect((await loadMachine(s, id(1))).value.config.tags).toEqual([]);
});

it('a sender without limits sees all, a limited one what is inside', async () => {
  const { s, tag } = await prepared();
  const { tags: _tags, ...unlimited } = by;
  expect(within(s, unlimited)).toBe(s);
  expect((await within(s, by).store.machines.get(id(1)))?.value.id).toBe(id(1));
  await tag(['rack-2']);
  expect(await within(s, by).store.machines.get(id(1))).toBeUndefined();
});
