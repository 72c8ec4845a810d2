// A rack of machines in production, unknown to the server, each with a system on its disk and the network
// first in its boot order: every one is recorded and ends in its own system, none loops.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { checkin, startServer, type TestServer } from '../harness.ts';
import { holdToDragonflysTypes } from './held.ts';
import { StockAgent } from './stock-agent.ts';

const debian = { name: 'Debian GNU/Linux 12', device: '/dev/sda2' };

interface Rack {
  readonly server: TestServer;
  readonly clock: ManualClock;
}

async function rack(): Promise<Rack> {
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const server = await startServer({ clock });
  holdToDragonflysTypes(server);
  return { clock, server };
}

const macOf = (n: number): string => checkin(n).mac;
let boots = 0;

/** Boots a machine from the network until it runs its own system. Returns the boots that it took, or
 *  `waits` where it stays in the agent. */
async function bootUp(
  { server, clock }: Rack,
  n: number,
  agent: 'ours' | 'ours 0.1.0' | 'stock',
  diskBoots = true,
): Promise<string[]> {
  const steps: string[] = [];
  for (let boot = 0; boot < 6; boot += 1) {
    await clock.advance(45_000);
    const { body: script } = await server.call('GET', `/boot/${macOf(n)}`);
    if (!script.includes('initramfs')) {
      steps.push('disk');
      if (diskBoots) return steps;
      continue;
    }
    await clock.advance(15_000);
    const action = agent === 'stock' ? await stock(server, n) : await ours(server, n, agent);
    steps.push(action);
    if (action === 'wait') return steps;
  }
  return [...steps, 'loops'];
}

async function stock(server: TestServer, n: number): Promise<string> {
  const agent = new StockAgent(server.url, { mac: macOf(n), existing_os: debian });
  await agent.turn();
  return agent.told.at(-1) ?? 'lost';
}

async function ours(server: TestServer, n: number, agent: string): Promise<string> {
  boots += 1;
  const boot_id = `boot-${boots}`;
  const { body } = await server.call('POST', '/api/agent/checkin', {
    body: checkin(n, {
      boot_id,
      sequence: 1,
      uptime_seconds: 15,
      all_macs: [macOf(n)],
      agent_version: agent === 'ours' ? '0.2.0' : '0.1.0',
      existing_os: debian,
    }),
  });
  const beat = await server.call('POST', '/api/agent/heartbeat', {
    body: { machine_id: body.machine_id, boot_id },
  });
  expect(beat.body.action).toBe(body.action);
  return body.action;
}

const problemsOf = async (server: TestServer): Promise<string[]> =>
  (await server.call('GET', '/api/machines')).body.machines.flatMap(
    (m: { report: { problems: { code: string }[] } }) => m.report.problems.map((p) => p.code),
  );

describe.each(['ours', 'ours 0.1.0', 'stock'] as const)('with %s agents', (agent) => {
  it('every machine is recorded and ends in its own system', async () => {
    const all = await rack();
    for (let n = 1; n <= 8; n += 1) {
      expect(await bootUp(all, n, agent)).toEqual(['localboot', 'disk']);
    }
    const { body } = await all.server.call('GET', '/api/machines');
    expect(body.machines).toHaveLength(8);
    // The next morning the power comes back.
    await all.clock.advance(12 * 3_600_000);
    for (let n = 1; n <= 8; n += 1) expect(await bootUp(all, n, agent)).toEqual(['disk']);
    expect(await problemsOf(all.server)).toEqual([]);
  });

  it('a machine whose disk does not boot ends in the agent, with a problem, until it is changed', async () => {
    const all = await rack();
    const steps = await bootUp(all, 1, agent, false);
    expect(steps).toEqual(['localboot', 'disk', 'wait']);
    expect(await problemsOf(all.server)).toEqual(['boot.returned']);
    const { body } = await all.server.call('GET', '/api/machines');
    await all.server.call('PATCH', `/api/machines/${body.machines[0].id}`, {
      body: { tags: ['x'] },
    });
    expect(await problemsOf(all.server)).toEqual([]);
    expect(await bootUp(all, 1, agent)).toEqual(['disk']);
  });

  it('machines that an operator holds stay in the agent', async () => {
    const all = await rack();
    const { server } = all;
    await server.call('PUT', '/api/settings/boot.hold', { body: { value: 'true' } });
    expect(await bootUp(all, 1, agent)).toEqual(['wait']);
    const { body } = await server.call('GET', '/api/machines');
    const own = `/api/settings/boot.hold.machine.${body.machines[0].id}`;
    await server.call('PUT', own, { body: { value: 'false' } });
    expect(await bootUp(all, 1, agent)).toEqual(['disk']);
  });
});
