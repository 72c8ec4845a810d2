// Workflows that ask for no report: the machine's absence or its next boot confirms them.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { openStore, openStoreOn } from '../../../src/store/open.ts';
import { checkin, imageTemplate, startServer } from '../harness.ts';
import { minute, Left, becomes, overdue } from './left.ts';

describe('a workflow that installs, and asks for no report', () => {
  it('succeeds when its machine has left and stays away', async () => {
    const left = await Left.by('debian');
    expect(await left.script()).toBe('disk');
    await left.wait(9 * minute);
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
    await left.wait(2 * minute);
    await becomes(left, 'Provisioned');
    expect((await left.workflow()).confirmed).toBe(false);
  });

  it('is as far when nothing after the begin of its last action arrived', async () => {
    const left = await Left.by('debian', 'action_started');
    expect(await left.script()).toBe('disk');
    expect(await left.checkIn('b')).toBe('localboot');
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
  });

  it('succeeds at once when an agent of the installed system checks in', async () => {
    const left = await Left.by('debian');
    await left.checkIn('b', { in_image: false });
    expect((await left.machine()).state).toBe('Provisioned');
    expect((await left.workflow()).confirmed).toBe(true);
  });

  it('ends in Error when its machine keeps coming back from the network', async () => {
    const left = await Left.by('debian');
    expect(await left.script()).toBe('disk');
    const told: string[] = [];
    for (const boot of ['b', 'c', 'd']) {
      await left.wait(minute);
      told.push(await left.checkIn(boot));
    }
    expect(told).toEqual(['localboot', 'wait', 'wait']);
    expect(await left.script()).toBe('agent');
    await left.wait(30 * minute);
    await becomes(left, overdue);
  });

  it('does not take a machine that is still in the image for one that left', async () => {
    const left = await Left.by('debian');
    for (let i = 0; i < 15; i++) {
      const body = { machine_id: left.machineId, boot_id: 'a' };
      for (let beat = 0; beat < 6; beat++) {
        await left.server.call('POST', '/api/agent/heartbeat', { body });
        await left.clock.advance(10_000);
      }
    }
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
  });

  it('keeps its deadline when the wall clock is set', async () => {
    const left = await Left.by('reporting');
    left.clock.stepWall(86_400_000);
    await left.wait(20 * minute);
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
    left.clock.stepWall(-7 * 86_400_000);
    await left.wait(11 * minute);
    await becomes(left, overdue);
  });
});

describe('a workflow that only reboots', () => {
  it('succeeds with the next boot’s check-in', async () => {
    const left = await Left.by('restart');
    await left.checkIn('a');
    expect((await left.workflow()).state).toBe('STATE_RUNNING');
    expect(await left.checkIn('b')).toBe('wait');
    expect(await left.workflow()).toMatchObject({ state: 'STATE_SUCCESS', confirmed: true });
  });
});

describe('time that a workflow has run', () => {
  it('ends it beside one whose record cannot be read', async () => {
    const kv = new MemoryKv();
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    const server = await startServer({ clock, store: await openStoreOn(kv) });
    const template = { ...imageTemplate, spec: { ...imageTemplate.spec, timeout: 1200 } };
    await server.call('PUT', '/api/templates/debian', { body: template });
    const run = async (n: number): Promise<string> => {
      const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n) });
      const made = await server.call('POST', '/api/workflows', {
        body: { machine_id: body.machine_id, template: 'debian' },
      });
      const path = `/api/workflows/${made.body.metadata.name}`;
      await server.call('POST', `${path}/events`, { body: { type: 'started' } });
      return path;
    };
    // The machine that registered first comes first.
    const damaged = await run(1);
    const path = await run(2);
    expect((await server.call('GET', path)).body.status.state).toBe('STATE_RUNNING');
    await kv.commit([], [{ key: damaged.replace('/api/', ''), value: '{' }]);
    for (let i = 0; i < 21; i++) await clock.advance(minute);
    await expect
      .poll(async () => (await server.call('GET', path)).body.status.state)
      .toBe('STATE_TIMEOUT');
  });

  it('survives a restart of the server, and a step of its clock', async () => {
    const store = await openStore('memory:');
    const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
    const server = await startServer({ clock, store });
    const template = { ...imageTemplate, spec: { ...imageTemplate.spec, timeout: 1200 } };
    await server.call('PUT', '/api/templates/debian', { body: template });
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const made = await server.call('POST', '/api/workflows', {
      body: { machine_id: body.machine_id, template: 'debian' },
    });
    const path = `/api/workflows/${made.body.metadata.name}`;
    await server.call('POST', `${path}/events`, { body: { type: 'started' } });
    for (let i = 0; i < 11; i++) await clock.advance(minute);
    await server.app.close();
    clock.stepWall(-86_400_000);
    const next = await startServer({ clock, store });
    for (let i = 0; i < 8; i++) await clock.advance(minute);
    expect((await next.call('GET', path)).body.status.state).toBe('STATE_RUNNING');
    for (let i = 0; i < 3; i++) await clock.advance(minute);
    await expect
      .poll(async () => (await next.call('GET', path)).body.status.state)
      .toBe('STATE_TIMEOUT');
  });
});
