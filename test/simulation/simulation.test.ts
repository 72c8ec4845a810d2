import { afterEach, describe, expect, it } from 'vitest';
import { Fleet } from '../../src/simulation/fleet.ts';
import { differences, fetchRecords } from '../../src/simulation/verify.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Inventory } from '../../src/model/inventory.ts';
import { startServer } from '../agent/server.ts';

const model: Inventory = {
  identity: {
    primary_mac: null,
    all_macs: [],
    smbios_uuid: null,
    machine_id: null,
    identity_hash: '',
  },
  hardware: {
    cpu_model: 'Simulated CPU',
    cpu_cores: 4,
    cpu_threads: 8,
    cpu_sockets: 1,
    memory_bytes: 8_589_934_592,
    memory_source: null,
    disks: [],
    network_interfaces: [],
    is_virtual: false,
    virt_platform: null,
    cloud: null,
    container: null,
  },
  problems: [],
};

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** A fleet that has been through its mishaps, and the records of the server in the end. */
async function simulate() {
  // Short intervals: who claims the evidence of a live machine waits for one and a half of them.
  const server = await startServer({ liveness: { intervalSeconds: 1 } });
  open.push(server.close);
  let state = 1;
  const fleet = new Fleet({
    server: server.url,
    machines: 40,
    rounds: 1,
    rates: { reboots: 20, nicSwaps: 20, reimages: 20, clones: 25, twins: 30 },
    models: [model],
    clock: systemClock,
    draw: () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647,
    signal: new AbortController().signal,
  });
  await fleet.powerOn();
  await fleet.round(1);
  await fleet.powerOff();
  return { fleet, records: await fetchRecords(server.url, undefined) };
}

describe('a simulated fleet', () => {
  it('is known to the server in the end as what it is, one record for each machine', async () => {
    const { fleet, records } = await simulate();
    expect(fleet.counts.nicSwaps).toBeGreaterThan(2);
    expect(fleet.counts.reimages).toBeGreaterThan(2);
    expect(fleet.counts.clones).toBeGreaterThan(1);
    expect(fleet.counts.twins).toBeGreaterThan(1);
    expect(fleet.idChanges).toEqual([]);
    expect(differences(fleet.machines, records)).toEqual([]);
    expect(records).toHaveLength(40 + fleet.counts.clones + fleet.counts.twins);
  });

  it('sees a record that is missing, wrong, or there twice', async () => {
    const { fleet, records } = await simulate();
    const [first, second, ...others] = records;
    if (first === undefined || second === undefined) throw new Error('no records');
    expect(differences(fleet.machines, [second, ...others])).toEqual([
      expect.stringContaining('has no record'),
    ]);
    const wrong = { ...first, identity: { ...first.identity, machine_id: 'another' } };
    expect(differences(fleet.machines, [wrong, second, ...others])).toEqual([
      expect.stringMatching(/machine_id is ".*", its record says "another"/),
    ]);
    const twice = { ...first, id: 'another' };
    expect(differences(fleet.machines, [twice, ...records])).toEqual([
      expect.stringContaining('as well'),
    ]);
  });
});
