// Stock agents that have one MAC: one machine, or two.
import { describe, expect, it } from 'vitest';
import { type TestServer } from '../harness.ts';
import { StockAgent, type StockMachine } from './stock-agent.ts';
import { disk, mac, rack, order, workflowOf, machineOf } from './one-machine.ts';

describe('two stock agents with one MAC', () => {
  const other = { hostname: 'two', ip_address: '192.0.2.2' };
  const conflictsOf = async (server: TestServer) =>
    (await server.call('GET', '/api/conflicts')).body.conflicts;

  async function two(machine: Partial<StockMachine> = other) {
    const { clock, server, agent } = await rack({}, { hostname: 'one', ip_address: '192.0.2.1' });
    await agent.turn();
    const second = new StockAgent(server.url, { mac, disks: [disk], ...machine });
    /** Both check in once. */
    const round = async (): Promise<void> => {
      await clock.advance(10_000);
      await second.turn();
      await clock.advance(20_000);
      await agent.turn();
    };
    return { clock, server, agent, second, round };
  }

  it('are told to wait, with one conflict, and the first one keeps the record', async () => {
    const { server, agent, second, round } = await two();
    await round();
    await order(server, agent, 'write');
    for (let turn = 0; turn < 4; turn += 1) await round();
    expect([...new Set([...agent.told, ...second.told])]).toEqual(['wait']);
    expect(second.machineId).toBe(agent.machineId);
    const conflicts = await conflictsOf(server);
    expect(conflicts).toMatchObject([{ machine_id: agent.machineId, reason: 'indistinguishable' }]);
    expect(JSON.stringify(conflicts)).toContain('calls itself two, 192.0.2.2');
    const { report, liveness } = await machineOf(server, agent);
    expect([report.hostname, liveness]).toEqual(['one', 'online']);
  });

  it('do not both run a workflow that is queued as the second appears', async () => {
    const { clock, server, agent, second } = await two();
    await order(server, agent, 'debian');
    await clock.advance(10_000);
    expect(await second.turn()).toBeUndefined();
    await clock.advance(20_000);
    expect(await agent.turn()).toBeUndefined();
    expect(await conflictsOf(server)).toHaveLength(1);
  });

  it('do not share a running workflow: the second waits while the first reports', async () => {
    const { clock, server, agent, second } = await two();
    await clock.advance(30_000);
    const id = await order(server, agent, 'debian');
    expect(await agent.turn({ dieAfter: 'action_progress image2disk' })).toBe('died');
    const progress = (percent: number) =>
      server.call('POST', `/api/workflows/${id}/events`, {
        body: { type: 'action_progress', action: 'image2disk', progress: { percent } },
      });
    for (let percent = 1; percent < 6; percent += 1) {
      await clock.advance(20_000);
      await progress(percent);
      await clock.advance(10_000);
      await second.turn();
    }
    expect(second.told).toEqual(['wait', 'wait', 'wait', 'wait', 'wait']);
    expect(await conflictsOf(server)).toHaveLength(1);
    expect((await workflowOf(server, id)).status.state).toBe('STATE_RUNNING');
  });

  it('are told apart by their processors before either is heard twice', async () => {
    const { clock, server, second } = await two({ cpu_model: 'AMD EPYC 9124' });
    await clock.advance(31_000);
    await second.turn();
    expect(await conflictsOf(server)).toHaveLength(1);
  });

  it('are one machine again when one of them is off', async () => {
    const { clock, server, agent, second, round } = await two();
    await round();
    await order(server, agent, 'write');
    await round();
    await clock.advance(10_000);
    await second.turn();
    await clock.advance(60_000);
    expect(await agent.turn()).toBe('completed');
  });

  it('that boots with another name and address at once is one machine without a conflict', async () => {
    const { clock, server, agent } = await two();
    const rebooted = new StockAgent(server.url, { mac, disks: [disk], ...other });
    await clock.advance(20_000);
    await rebooted.turn();
    await order(server, agent, 'write');
    await clock.advance(30_000);
    expect(await rebooted.turn()).toBe('completed');
    expect(await conflictsOf(server)).toEqual([]);
    expect((await machineOf(server, agent)).report.hostname).toBe('two');
  });
});
