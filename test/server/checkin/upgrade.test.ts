// A fleet that the agent of version 0.1.0 registered checks in with this one: the same records, no conflict, and
// a history that says why a hash changed. agent-0.1.0/ holds what that agent sent for fixtures/machines.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkinRequest } from '../../../src/agent/checkin.ts';
import { version } from '../../../src/cli/version.ts';
import { ManualClock } from '../../../src/core/clock.ts';
import { computeIdentityHash } from '../../../src/identity/hash.ts';
import { collectInventory } from '../../../src/inventory/inventory.ts';
import type { CheckinRequest } from '../../../src/model/api/agent.ts';
import type { Machine } from '../../../src/model/machine.ts';
import { opened } from '../../store/backends.ts';
import { registrar } from '../harness.ts';

const bodies = join(import.meta.dirname, 'agent-0.1.0');
const machines = join(import.meta.dirname, '../../../fixtures/machines');
const names = readdirSync(machines);

async function fleet() {
  const store = await opened('memory:');
  return { store, ask: registrar(store, new ManualClock(new Date('2026-01-02T03:04:05Z'))) };
}

function oldBody(name: string): CheckinRequest {
  return JSON.parse(readFileSync(join(bodies, `${name}.json`), 'utf8'));
}

it('every captured machine keeps its record, from the agent before and back again', async () => {
  const { store, ask } = await fleet();
  const ids = new Map<string, string>();
  for (const [boot, agent] of ['old', 'new', 'old', 'new'].entries()) {
    for (const name of names) {
      const body =
        agent === 'old'
          ? oldBody(name)
          : checkinRequest(await collectInventory(join(machines, name, 'root')), {
              agentVersion: version,
            });
      const { machine, isNew } = await ask({ ...body, boot_id: `${name} ${boot}`, sequence: 1 });
      const { id } = machine.value;
      expect([name, isNew, ids.get(name) ?? id]).toEqual([name, boot === 0, id]);
      ids.set(name, id);
    }
  }
  expect((await store.machines.list({ limit: 100 })).items).toHaveLength(names.length);
  expect((await store.conflicts.list()).items).toEqual([]);
});

const mac = '52:54:00:ab:cd:01';
const madeUp = '8e:11:22:33:44:55';
const halfFilled = '00000000-0000-0000-0000-ffffffffffff';
const shared = '88:88:88:88:87:88';

it('a hash that changes because an address counts no more is explained in the history', async () => {
  const { store, ask } = await fleet();
  const old = { mac, all_macs: [mac, madeUp], boot_id: 'a', agent_version: '0.1.0' };
  const { machine } = await ask({
    ...old,
    identity_hash: computeIdentityHash([mac, madeUp], null, null),
  });
  const again = await ask({ mac, all_macs: [mac], boot_id: 'b', agent_version: version });
  expect([again.machine.value.id, again.conflict]).toEqual([machine.value.id, undefined]);
  const history = await store.machines.history(machine.value.id);
  expect(history.map(({ what, before, after }) => [what, before, after])).toEqual([
    ['agent_version', '0.1.0', version],
    ['mac', madeUp, null],
  ]);
});

it.each([
  ['an address', { all_macs: [mac, shared] }, [mac, shared], null],
  ['a UUID', { smbios_uuid: halfFilled }, [mac], halfFilled],
  [
    'a serial number',
    { system: { vendor: null, product: null, serial: 'NO SN', asset_tag: null } },
    [mac],
    null,
  ],
])(
  'a machine of which %s is nobody\u2019s now shows no less than before',
  async (_what, sent, macs, uuid) => {
    const { store, ask } = await fleet();
    const body = { mac, all_macs: [mac], agent_version: '0.1.0' };
    const { machine } = await ask({ ...body, ...sent, boot_id: 'a' });
    const { identity } = machine.value;
    const identity_hash = computeIdentityHash(macs, uuid, null);
    const old = { ...identity, all_macs: macs, smbios_uuid: uuid, identity_hash };
    await store.machines.put({ ...machine.value, identity: old });
    const { machine: again } = await ask({ ...body, agent_version: version, boot_id: 'b' });
    expect(again.value.id).toBe(machine.value.id);
    expect(again.value.report?.shows_less).toBeUndefined();
    expect(again.value.identity).toEqual({
      ...old,
      all_macs: [mac],
      smbios_uuid: null,
      identity_hash: computeIdentityHash([mac], null, null),
    });
  },
);

/** A record as version 0.1.0 wrote it for a machine whose only address many have. */
function recordOf(registered: Machine): Machine {
  const { disk_clues: _unknown, ...rest } = registered;
  return {
    ...rest,
    identity: {
      ...rest.identity,
      all_macs: [shared],
      identity_hash: computeIdentityHash([shared], null, null),
    },
  };
}

it('a machine that had only an address of many is found by its disk', async () => {
  const { store, ask } = await fleet();
  const own = [{ name: 'sda', size_bytes: 1000, serial: 'S1' }];
  const other = [{ name: 'sda', size_bytes: 1000, serial: 'S2' }];
  const body = { mac: shared, all_macs: [], agent_version: version };
  const { machine } = await ask({ ...body, boot_id: 'a', disks: own });
  await store.machines.put(recordOf(machine.value));
  const again = await ask({ ...body, boot_id: 'b', disks: own });
  expect([again.machine.value.id, again.conflict]).toEqual([machine.value.id, undefined]);
  expect((await ask({ ...body, boot_id: 'c', disks: other })).isNew).toBe(true);
});
