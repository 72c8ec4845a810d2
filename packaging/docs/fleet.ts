// A server on loopback with a fleet that does not exist, for pictures of the page.
import { join } from 'node:path';
import { parse } from 'yaml';
import { readExample } from '../../src/cli/server/examples.ts';
import { readModels, seeded } from '../../src/cli/simulate.ts';
import { Client } from '../../src/client/client.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createApp } from '../../src/server/app.ts';
import { Fleet } from '../../src/simulation/fleet.ts';
import { openStore } from '../../src/store/open.ts';
import { projectDir } from '../../initramfs/tools.ts';

const machines = 48;

export interface Scene {
  readonly url: string;
  /** The id of a machine with a workflow. */
  readonly busy: string;
}

/** Runs `work` while the machines of the fleet beat. */
export async function withFleet(work: (scene: Scene) => Promise<void>): Promise<void> {
  const store = await openStore('memory:');
  const app = await createApp({ store, clock: systemClock });
  const ended = new AbortController();
  try {
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const fleet = new Fleet({
      server: url,
      token: undefined,
      machines,
      rounds: 0,
      rates: { reboots: 0, nicSwaps: 0, reimages: 0, clones: 0, twins: 0 },
      clock: systemClock,
      draw: seeded(7),
      models: await readModels(join(projectDir, 'fixtures/machines')),
      signal: ended.signal,
      onProgress: () => {},
    });
    try {
      await fleet.powerOn();
      await work({ url, busy: await arrange(url) });
    } finally {
      await fleet.powerOff();
    }
  } finally {
    ended.abort();
    await app.close();
    await store.close();
  }
}

/** Gives the fleet racks, templates and a workflow, as an operator does; and gives the id of the machine that has it. */
async function arrange(url: string): Promise<string> {
  const client = new Client(url);
  try {
    for (const name of ['debian-cloud', 'debian-raw', 'ubuntu-cloud', 'hello']) {
      await client.templates.put(parse(readExample(name).text));
    }
    const all = await client.machines.list().toArray();
    for (const [i, { id }] of all.entries()) {
      const tags = [`rack-${1 + (i % 4)}`, ...(i % 6 === 0 ? ['spare'] : [])];
      const os_choice = i % 3 === 0 ? 'debian-cloud' : null;
      await client.machines.patch(id, { tags, os_choice });
    }
    const [first] = all;
    if (first === undefined) throw new Error('no machine of the fleet has registered');
    await client.workflows.create({ machine_id: first.id, template: 'hello' });
    return first.id;
  } finally {
    await client.close();
  }
}
