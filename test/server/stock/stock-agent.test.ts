// A stock Dragonfly agent against the real server: first check-in to the last event, and what goes wrong.
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { checkin, imageTemplate, startServer } from '../harness.ts';
import { StockAgent, stockRhythmMs } from './stock-agent.ts';
import { disk, debian, mac, rack, order, workflowOf, machineOf, scriptOf } from './one-machine.ts';

describe('a stock agent', () => {
  it('registers at its first check-in and is the same machine at every later one', async () => {
    const { server, agent, wait } = await rack();
    await agent.turn();
    const first = agent.machineId;
    for (let turn = 0; turn < 3; turn += 1) {
      await wait();
      await agent.turn();
    }
    expect(agent.machineId).toBe(first);
    expect(agent.told).toEqual(['wait', 'wait', 'wait', 'wait']);
    const { body } = await server.call('GET', '/api/machines');
    expect(body.machines).toHaveLength(1);
  });

  it('runs a workflow to its end and its machine is Provisioned', async () => {
    const { server, agent, wait } = await rack();
    await agent.turn();
    const id = await order(server, agent, 'write');
    await wait();
    expect(await agent.turn()).toBe('completed');
    expect((await workflowOf(server, id)).status.state).toBe('STATE_SUCCESS');
    expect((await machineOf(server, agent)).status.state).toBe('Provisioned');
    await wait();
    expect(await agent.turn()).toBeUndefined();
  });

  it('that fails leaves its machine in Error and is given no second try', async () => {
    const { server, agent, wait } = await rack();
    await agent.turn();
    const id = await order(server, agent, 'write');
    await wait();
    expect(await agent.turn({ failAt: 'writefile' })).toBe('failed');
    const { status } = await workflowOf(server, id);
    expect(status.state).toBe('STATE_FAILED');
    expect(status.error).toContain('writefile failed');
    await wait();
    await agent.turn();
    expect(agent.told.at(-1)).toBe('wait');
  });

  it.each(['debian', 'kexec'])(
    'whose workflow "%s" ends in reboot or kexec is never told to run it again',
    async (template) => {
      const { server, agent, wait } = await rack();
      await agent.turn();
      const id = await order(server, agent, template);
      await wait();
      expect(await agent.turn()).toBe('left');
      const { status } = await workflowOf(server, id);
      expect(status.state).toBe('STATE_SUCCESS');
      expect(status.confirmed).toBe(false);
      expect(status.actions.at(-1)).toMatchObject({
        status: 'STATE_SUCCESS',
        message: 'as its agent reported, not confirmed',
      });
      expect((await machineOf(server, agent)).status.state).toBe('Provisioned');
      expect(await scriptOf(server)).not.toContain('dragonfly.workflow=');
      // Weeks later the machine boots from the network, its system on the disk.
      const again = new StockAgent(server.url, { mac, disks: [disk], existing_os: debian });
      await again.turn();
      expect(again.machineId).toBe(agent.machineId);
      expect(again.told).toEqual(['localboot']);
    },
  );

  it('that dies in the middle of writing a disk is not told to go on at its next boot', async () => {
    const { server, clock, agent } = await rack();
    await agent.turn();
    const id = await order(server, agent, 'debian');
    expect(await agent.turn({ dieAfter: 'action_progress image2disk' })).toBe('died');
    await clock.advance(121_000);
    const rebooted = new StockAgent(server.url, { mac, disks: [disk] });
    await rebooted.turn();
    expect(rebooted.told).toEqual(['wait']);
    const { status } = await workflowOf(server, id);
    expect(status.state).toBe('STATE_FAILED');
    expect(status.error).toContain('interrupted');
    expect((await machineOf(server, agent)).status.state).toHaveProperty('Error');
  });

  it('back at once after a reboot in mid-workflow is not told to begin again', async () => {
    const { server, agent } = await rack();
    const steps = [{ action: 'image2disk', url: 'http://images/x.raw' }, { action: 'reboot' }];
    const rest = [{ action: 'writefile', path: '/etc/motd', content: 'x' }, { action: 'reboot' }];
    await server.call('PUT', '/api/templates/twice', {
      body: {
        ...imageTemplate,
        metadata: { name: 'twice' },
        spec: { actions: [...steps, ...rest] },
      },
    });
    await agent.turn();
    const id = await order(server, agent, 'twice');
    expect(await agent.turn()).toBe('left');
    expect((await workflowOf(server, id)).status.state).toBe('STATE_RUNNING');
    const rebooted = new StockAgent(server.url, { mac, disks: [disk] });
    await rebooted.turn();
    expect(rebooted.told).toEqual(['wait']);
    expect((await workflowOf(server, id)).status.state).toBe('STATE_FAILED');
  });

  it('restarted at once in mid-workflow goes on: no later boot', async () => {
    const { server, clock, agent } = await rack();
    await agent.turn();
    const id = await order(server, agent, 'write');
    expect(await agent.turn({ dieAfter: 'action_started writefile' })).toBe('died');
    await clock.advance(5_000);
    const restarted = new StockAgent(server.url, { mac, disks: [disk] });
    expect(await restarted.turn()).toBe('completed');
    expect((await workflowOf(server, id)).status.state).toBe('STATE_SUCCESS');
  });

  it('reset in mid-write, back within two minutes by its boot script, is not told to go on', async () => {
    const { server, clock, agent } = await rack();
    await agent.turn();
    const id = await order(server, agent, 'debian');
    expect(await agent.turn({ dieAfter: 'action_progress image2disk' })).toBe('died');
    await clock.advance(30_000);
    expect(await scriptOf(server)).not.toContain('dragonfly.workflow=');
    await clock.advance(10_000);
    const rebooted = new StockAgent(server.url, { mac, disks: [disk] });
    await rebooted.turn();
    expect(rebooted.told).toEqual(['wait']);
    const { status } = await workflowOf(server, id);
    expect([status.state, status.error]).toEqual([
      'STATE_FAILED',
      expect.stringContaining('interrupted during image2disk'),
    ]);
  });

  it.each([
    'started',
    'action_started image2disk',
    'action_progress image2disk',
    'action_completed image2disk',
    'action_started writefile',
    'action_completed writefile',
    'action_started reboot',
  ])('reset after "%s" never runs its workflow again, however often it boots', async (dieAfter) => {
    const { server, clock, agent } = await rack({ store: await openStore('memory:') });
    await agent.turn();
    const id = await order(server, agent, 'debian');
    await agent.turn({ dieAfter });
    await clock.advance(5_000);
    for (let boot = 0; boot < 3; boot += 1) {
      expect(await scriptOf(server)).not.toContain('dragonfly.workflow=');
      await clock.advance(20_000);
      const again = new StockAgent(server.url, { mac, disks: [disk] });
      expect(await again.turn()).toBeUndefined();
      await clock.advance(60_000);
    }
    const { status } = await workflowOf(server, id);
    expect(status.state).toBe(dieAfter.endsWith('reboot') ? 'STATE_SUCCESS' : 'STATE_FAILED');
  });

  it('reset in mid-write, whose last words arrive once more after that, is not told to go on', async () => {
    const { server, clock, agent } = await rack();
    await agent.turn();
    const id = await order(server, agent, 'debian');
    expect(await agent.turn({ dieAfter: 'action_progress image2disk' })).toBe('died');
    await clock.advance(30_000);
    await scriptOf(server);
    await clock.advance(5_000);
    for (const percent of [30, 50]) {
      const body = { type: 'action_progress', action: 'image2disk', progress: { percent } };
      await server.call('POST', `/api/workflows/${id}/events`, { body });
    }
    await clock.advance(5_000);
    const rebooted = new StockAgent(server.url, { mac, disks: [disk] });
    await rebooted.turn();
    await clock.advance(30_000);
    await rebooted.turn();
    expect(rebooted.told).toEqual(['wait', 'wait']);
    expect((await workflowOf(server, id)).status.state).toBe('STATE_FAILED');
  });

  it('goes on with its workflow whoever asks for its boot script meanwhile', async () => {
    const { server, clock, agent } = await rack();
    await agent.turn();
    const id = await order(server, agent, 'write');
    expect(await agent.turn({ dieAfter: 'started' })).toBe('died');
    await clock.advance(5_000);
    await scriptOf(server);
    await clock.advance(5_000);
    const event = (body: object) => server.call('POST', `/api/workflows/${id}/events`, { body });
    await event({ type: 'action_started', action: 'writefile' });
    await clock.advance(5_000);
    // Its agent is started anew in the same boot, which a second machine would look like for a round.
    const restarted = new StockAgent(server.url, { mac, disks: [disk] });
    expect(await restarted.turn()).toBeUndefined();
    await clock.advance(30_000);
    expect(await restarted.turn()).toBe('completed');
    expect((await workflowOf(server, id)).status.state).toBe('STATE_SUCCESS');
  });

  it('is online for as long as it keeps its own rhythm of 30 s', async () => {
    const { server, clock, agent } = await rack();
    await agent.turn();
    const seen: string[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      for (let second = 0; second < 29; second += 7) {
        await clock.advance(7_000);
        seen.push((await machineOf(server, agent)).liveness);
      }
      await clock.advance(1_000);
      await agent.turn();
    }
    expect(new Set(seen)).toEqual(new Set(['online']));
    await clock.advance(30 * stockRhythmMs);
    expect((await machineOf(server, agent)).liveness).toBe('gone');
  });

  it('is let in without a token where that is allowed, and lost for good where it is not', async () => {
    const auth = { required: true, enrolmentToken: 'enrol-me' };
    const closed = await startServer({ auth });
    const lost = new StockAgent(closed.url, { mac });
    await lost.turn();
    expect(lost.lost).toBe(true);
    const open = await startServer({ auth: { ...auth, stockAgents: true } });
    const agent = new StockAgent(open.url, { mac });
    await agent.turn();
    expect(agent.machineId).toBeDefined();
  });

  it('and ours on one machine, in turn, are one record', async () => {
    const { server, agent, clock } = await rack();
    await agent.turn();
    const ours = {
      ...checkin(7),
      all_macs: [mac],
      boot_id: 'b5f0b3a6-0e3c-4a5d-9d8c-1f2e3d4c5b6a',
      sequence: 1,
      uptime_seconds: 20,
      agent_version: '0.2.0',
      disks: [{ ...disk, serial: 'S6KLNX0T1' }],
    };
    await clock.advance(600_000);
    const { body } = await server.call('POST', '/api/agent/checkin', { body: ours });
    expect(body.machine_id).toBe(agent.machineId);
    await clock.advance(600_000);
    const back = new StockAgent(server.url, { mac, disks: [disk] });
    await back.turn();
    expect(back.machineId).toBe(agent.machineId);
    const { hardware } = await machineOf(server, agent);
    expect(hardware.disks).toEqual([expect.objectContaining({ serial: 'S6KLNX0T1' })]);
  });
});
