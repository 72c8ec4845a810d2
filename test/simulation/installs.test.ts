// Simulated machines that a real server installs: one well, one with a bad disk.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { readExample } from '../../src/cli/server/examples.ts';
import { Client } from '../../src/client/client.ts';
import { systemClock } from '../../src/core/clock.ts';
import { collectInventory } from '../../src/inventory/inventory.ts';
import { InstallableMachine, simulateInstalls } from '../../src/simulation/installs.ts';
import { startServer } from '../agent/server.ts';

const captured = join(import.meta.dirname, '../../fixtures/machines/qemu-two-sockets/root');

it('a machine is installed once until it is asked for, and one with a bad disk says what to do', async () => {
  const server = await startServer({ liveness: { intervalSeconds: 1 } });
  const client = new Client(server.url);
  const stop = new AbortController();
  const { name, text } = readExample('debian-debootstrap');
  await client.templates.put(parse(text));
  const model = await collectInventory(captured);
  const site = { server: server.url, template: name, clock: systemClock, signal: stop.signal };
  let state = 1;
  const draw = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  const machines = ['good', 'bad'].map(
    (host) =>
      new InstallableMachine(host, model, draw, { secondMs: 10, hasBadDisk: host === 'bad' }),
  );
  const running = simulateInstalls(machines, site);

  const states = async () => {
    const found = await client.workflows.list().toArray();
    return Object.fromEntries(found.map(({ spec, status }) => [spec.hardwareRef, status]));
  };
  const ended = async () => new Set(Object.values(await states()).map((one) => one?.state));
  const both = new Set(['STATE_FAILED', 'STATE_SUCCESS']);
  await expect.poll(ended, { timeout: 30_000 }).toEqual(both);
  const [good, bad] = machines.map(({ id }) => id ?? '');
  const outcome = await states();
  expect(outcome[good ?? '']).toMatchObject({ state: 'STATE_SUCCESS', progress: 100 });
  const boot = outcome[good ?? '']?.actions?.find(({ name: action }) => action === 'efibootmgr');
  expect(boot?.message).toContain('did not start by UEFI');
  expect(outcome[bad ?? '']?.error).toMatch(
    /^debootstrap failed: cannot write .* of \/dev\/.*: the medium fails there; replace the disk$/,
  );
  const { value } = await client.machines.get(good ?? '');
  expect(value).toMatchObject({
    status: { state: 'Provisioned' },
    config: { tags: ['simulated'] },
  });

  const bootOf = async (id = '') => (await client.machines.get(id)).value.report?.boot_id;
  const boots = [await bootOf(good), await bootOf(bad)];
  stop.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  // Known by now, they are not installed again.
  const again = new AbortController();
  const later = simulateInstalls(machines, { ...site, signal: again.signal });
  await expect.poll(() => bootOf(good), { timeout: 10_000 }).not.toBe(boots[0]);
  await expect.poll(() => bootOf(bad), { timeout: 10_000 }).not.toBe(boots[1]);
  expect(Object.keys(await states())).toHaveLength(2);
  // Asked for, the installed one boots again.
  const order = { machine_id: good ?? '', template: name, reimage: true };
  const { metadata } = await client.workflows.create(order);
  const outcomeOf = async () => (await client.workflows.get(metadata.name)).status?.state;
  await expect.poll(outcomeOf, { timeout: 30_000 }).toBe('STATE_SUCCESS');
  again.abort(new Error('enough'));
  await expect(later).rejects.toThrow('enough');
  await client.close();
  await server.close();
});
