// A rack of stock agents and ours in a world where everything goes wrong, over each store: nothing is written but what
// was ordered, no workflow runs twice, every machine is recorded and ends where it belongs, and every document can be
// read by Dragonfly's types. WORLD_SEEDS=100 tells so many stories in place of one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { existingOs, stateName, type Machine as Record } from '../../../../src/model/machine.ts';
import { backUp } from '../../../../src/store/backup/backup.ts';
import { checkStore } from '../../../../src/store/check.ts';
import { storeOver } from '../../../../src/store/kv-store.ts';
import { openKv } from '../../../../src/store/open.ts';
import { backends, skipIfMissing, temporaryDirectory } from '../../../store/backends.ts';
import { readTemplate, readWorkflow } from '../documents.ts';
import { readMachine } from '../machine.ts';
import type { Machine } from './machine.ts';
import { World } from './world.ts';

const seeds = Number(process.env['WORLD_SEEDS'] ?? 1);
/** Things that happen in a story: fewer over the stores where each takes its time. */
const steps = new Map([['memory', 250]]);
/** Long enough for the second chance of a machine that was kept in the agent. */
const calmMs = 75 * 60_000;

async function worldOver(url: string, seed: number) {
  const kv = await openKv(url);
  const stores = [storeOver(kv)];
  // Another server has its own connection, or shares what is open in this process.
  stores.push(url.startsWith('etcd:') ? storeOver(await openKv(url)) : storeOver(kv));
  const world = new World(seed, stores);
  onTestFinished(async () => {
    await world.end();
    for (const store of new Set(url.startsWith('etcd:') ? stores : stores.slice(0, 1))) {
      await store.close();
    }
  });
  await world.start();
  return { world, kv };
}

/** Where a machine has to be when nothing goes wrong any more; undefined: where it is, in its agent. */
function belongs(machine: Machine, record: Record): 'system' | undefined {
  const isFree = record.status.current_workflow === null;
  const state = stateName(record.status.state);
  const mayLeave = state === 'Provisioned' || (state !== 'Error' && existingOs(record) !== null);
  return machine.system !== undefined && isFree && mayLeave ? 'system' : undefined;
}

describe.each(backends)('a rack of machines over $name', (backend) => {
  skipIfMissing(backend);

  it.each(Array.from({ length: seeds }, (_, i) => i + 1))(
    'comes well through the story told by %i',
    async (seed) => {
      const { world, kv } = await worldOver(await backend.url(), seed);
      try {
        await world.live(steps.get(backend.name) ?? 120);
        await world.calm(calmMs);
        const { body: list } = await world.call('GET', '/api/machines');
        expect(list.machines).toHaveLength(world.machines.length);
        for (const machine of world.machines) {
          const { n, where, mac, ids } = machine;
          const record = list.machines.find((one: Record) => one.identity.primary_mac === mac);
          // An answer may have been lost, and the machine be in its system ever since.
          expect([record.id, ...ids]).toEqual(
            ids.size === 0 ? [record.id] : [record.id, record.id],
          );
          expect({ n, where }).toEqual({ n, where: belongs(machine, record) ?? where });
          expect(machine.restless).toBeLessThan(8);
        }
        for (const id of world.orders.keys()) {
          const { body } = await world.call('GET', `/api/workflows/${id}`);
          const isWaiting = body.status.state === 'STATE_PENDING';
          expect([id, isWaiting || body.status.completedAt !== null]).toEqual([id, true]);
        }
        await readEverything(kv);
      } catch (err) {
        throw new Error(`story ${seed}:\n${world.story.slice(-60).join('\n')}`, { cause: err });
      }
    },
    120_000,
  );
});

/** Every document as a backup for Dragonfly has it, by Dragonfly's types. */
async function readEverything(kv: Parameters<typeof backUp>[0]): Promise<void> {
  const file = join(temporaryDirectory(), 'backup');
  await backUp(kv, file, { dialect: 'dragonfly' });
  for (const line of readFileSync(file, 'utf8').split('\n').slice(1, -2)) {
    const { table, document } = JSON.parse(line);
    if (table === 'machines') readMachine(document, '$');
    if (table === 'workflows') readWorkflow(document, '$');
    if (table === 'templates') readTemplate(document, '$');
  }
  let findings = 0;
  await checkStore(kv, undefined, () => (findings += 1));
  expect(findings).toBe(0);
}
