// A server whose wall clock is set by a year while it runs: nothing ends for it, and nothing lives for ever.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { appendAudit } from '../../../src/server/running/audit-log.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin, imageTemplate, startServer } from '../harness.ts';

const yearMs = 365 * 86_400_000;
const minuteMs = 60_000;

it.each([
  ['ahead', yearMs],
  ['back', -yearMs],
])('a clock that is set a year %s', async (_way, stepMs) => {
  const clock = new ManualClock(new Date('2026-01-01T00:00:00Z'));
  const store = await openStore('memory:');
  const server = await startServer({ clock, store });
  const template = { ...imageTemplate, spec: { ...imageTemplate.spec, timeout: 1200 } };
  await server.call('PUT', '/api/templates/debian', { body: template });
  const sent = checkin(1, {
    boot_id: 'a',
    agent_version: '0.2.0',
    disks: [{ name: 'sda', size_bytes: 1e12 }],
  });
  const { body } = await server.call('POST', '/api/agent/checkin', { body: sent });
  const made = await server.call('POST', '/api/workflows', {
    body: { machine_id: body.machine_id, template: 'debian' },
  });
  const path = `/api/workflows/${made.body.metadata.name}`;
  await server.call('POST', `${path}/events`, { body: { type: 'started' } });
  const audit = { store, clock, newId: () => 'entry' };
  const entry = { by: 'ops', from: null, action: 'a', records: [], change: null, request_id: null };
  await appendAudit(audit, entry);
  const beat = async (): Promise<{ state: string; lastSeen: string; liveness: string }> => {
    const sentBeat = { machine_id: body.machine_id, boot_id: 'a' };
    await server.call('POST', '/api/agent/heartbeat', { body: sentBeat });
    for (let n = 0; n < 6; n += 1) await clock.advance(10_000);
    await server.call('POST', '/api/agent/heartbeat', { body: sentBeat });
    await clock.advance(10_000);
    const machine = (await server.call('GET', `/api/machines/${body.machine_id}`)).body;
    const { state } = (await server.call('GET', path)).body.status;
    return { state, lastSeen: machine.status.last_seen, liveness: machine.liveness };
  };
  await beat();
  clock.stepWall(stepMs);
  for (let n = 0; n < 5; n += 1) {
    const { state, lastSeen, liveness } = await beat();
    expect([state, liveness]).toEqual(['STATE_RUNNING', 'online']);
    expect(Math.abs(Date.parse(lastSeen) - clock.now().getTime())).toBeLessThan(minuteMs);
    const stored = (await store.machines.get(body.machine_id))?.value.status.last_seen ?? '';
    expect(Math.abs(Date.parse(stored) - clock.now().getTime())).toBeLessThan(2 * minuteMs);
  }
  // The audit log is looked through every hour.
  clock.stepWall(-stepMs);
  expect((await beat()).state).toBe('STATE_RUNNING');
  clock.stepWall(stepMs);
  for (let n = 0; n < 61; n += 1) await clock.advance(minuteMs);
  expect((await server.call('GET', path)).body.status.state).toBe('STATE_TIMEOUT');
  expect(await store.audit.get('entry')).toBeDefined();
});
