// The door that --stock-agents opens, from outside: whoever has no token, and knows a machine's address, its UUID or
// all that it shows, gets neither its work nor its secrets, and cannot end what it does.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import { imageTemplate, startServer } from '../harness.ts';
import { stockBody } from '../stock/one-machine.ts';

const [home, elsewhere] = ['192.0.2.1', '198.51.100.7'];
const enrolmentToken = 'of-the-configuration';
const mac = '02:00:00:00:00:01';
const stock = stockBody(mac, home);
const ours = {
  ...stock,
  all_macs: [mac],
  smbios_uuid: '4c4c4544-0051-3510-8052-b4c04f4a3132',
  boot_id: 'one',
  sequence: 1,
  uptime_seconds: 20,
  agent_version: '0.2.0',
  disks: stock.disks.map((disk) => ({ ...disk, serial: 'S1' })),
};

async function fleet() {
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const store = await openStore('memory:');
  const full = await createToken(store, clock, { name: 'ops', scope: 'full', expiresAt: null });
  const server = await startServer({ clock, store, auth: { stockAgents: true, enrolmentToken } });
  /** As a caller at this address. */
  const call = async (from: string, path: string, payload?: object, token?: string) => {
    const answer = await server.app.inject({
      method: payload === undefined ? 'GET' : 'POST',
      url: path,
      remoteAddress: from,
      ...(payload === undefined ? {} : { payload }),
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    });
    return { status: answer.statusCode, body: answer.body === '' ? null : answer.json() };
  };
  await server.call('PUT', '/api/templates/debian', { body: imageTemplate, token: full });
  const order = async (machine_id: string): Promise<string> => {
    const body = { machine_id, template: 'debian', confirmed: true };
    return (await call(home, '/api/workflows', body, full)).body.metadata.name;
  };
  const stateOf = async (id: string): Promise<string> =>
    (await call(home, `/api/workflows/${id}`, undefined, full)).body.status.state;
  return { clock, call, order, stateOf };
}

it('by its MAC alone a machine that is off, and gets a workflow, gives nothing away', async () => {
  const { clock, call, order } = await fleet();
  const { body: machine } = await call(home, '/api/agent/checkin', stock);
  await clock.advance(600_000);
  expect((await call(elsewhere, '/api/agent/checkin', { mac })).body.action).toBe('wait');
  const id = await order(machine.machine_id);
  const template = `/api/templates/debian?machine_id=${machine.machine_id}`;
  expect([
    (await call(elsewhere, template)).status,
    (await call(elsewhere, `/api/workflows/${id}`)).status,
    (await call(elsewhere, `/api/workflows/${id}/events`, { type: 'started' })).status,
  ]).toEqual([403, 403, 403]);
  await clock.advance(60_000);
  expect((await call(home, '/api/agent/checkin', stock)).body.action).toBe('execute');
  expect((await call(home, template)).status).toBe(200);
});

it('by all that it shows a machine that is heard gives nothing away, until it is silent', async () => {
  const { clock, call, order } = await fleet();
  const actionOf = async (from: string): Promise<string> =>
    (await call(from, '/api/agent/checkin', stock)).body.action;
  await actionOf(home);
  await clock.advance(31_000);
  const { body: machine } = await call(home, '/api/agent/checkin', stock);
  await order(machine.machine_id);
  const template = `/api/templates/debian?machine_id=${machine.machine_id}`;
  await clock.advance(5000);
  expect(await actionOf(elsewhere)).toBe('wait');
  expect((await call(elsewhere, template)).status).toBe(403);
  await clock.advance(26_000);
  expect(await actionOf(home)).toBe('execute');
  expect((await call(home, template)).status).toBe(200);
  // It may have moved.
  await clock.advance(600_000);
  expect(await actionOf(elsewhere)).toBe('execute');
});

it('by all that it shows a machine that carries out a workflow is not taken over', async () => {
  const { clock, call, order, stateOf } = await fleet();
  const { body: machine } = await call(home, '/api/agent/checkin', stock);
  await clock.advance(30_000);
  const id = await order(machine.machine_id);
  await call(home, '/api/agent/checkin', stock);
  const report = (body: object) => call(home, `/api/workflows/${id}/events`, body);
  await report({ type: 'started' });
  await report({ type: 'action_started', action: 'image2disk' });
  for (let seconds = 0; seconds < 300; seconds += 50) {
    await clock.advance(50_000);
    await report({ type: 'action_progress', action: 'image2disk', progress: { percent: 1 } });
    const second = await call(elsewhere, '/api/agent/checkin', stock);
    expect(second.body.action).toBe('wait');
    const template = `/api/templates/debian?machine_id=${machine.machine_id}`;
    expect((await call(elsewhere, template)).status).toBe(403);
  }
  await report({ type: 'completed', success: true });
  expect(await stateOf(id)).toBe('STATE_SUCCESS');
});

it.each([
  ['all that it shows', { ...ours, boot_id: 'two', uptime_seconds: 0 }],
  ['all that it shows and its boot', { ...ours, hostname: 'b', sequence: 2, uptime_seconds: 30 }],
  ['its MAC', { mac, boot_id: 'two', uptime_seconds: 0 }],
  ['its UUID', { mac: '02:66:00:00:00:01', smbios_uuid: ours.smbios_uuid, boot_id: 'two' }],
  ['its disk', { mac: '02:66:00:00:00:01', disks: ours.disks, boot_id: 'two', uptime_seconds: 0 }],
  ['what a stock agent shows', stock],
])('by %s a machine that has a token is not interrupted in its workflow', async (_what, body) => {
  const { clock, call, order, stateOf } = await fleet();
  const { body: machine } = await call(home, '/api/agent/checkin', ours, enrolmentToken);
  const id = await order(machine.machine_id);
  await clock.advance(10_000);
  const beat = () =>
    call(
      home,
      '/api/agent/heartbeat',
      { machine_id: machine.machine_id, boot_id: 'one' },
      machine.token,
    );
  await beat();
  const started = { type: 'started', boot_id: 'one' };
  await call(home, `/api/workflows/${id}/events`, started, machine.token);
  await clock.advance(5_000);
  const second = await call(elsewhere, '/api/agent/checkin', body);
  expect([second.status, second.body.action]).toEqual(
    'boot_id' in body ? [409, undefined] : [200, 'wait'],
  );
  const theirs = { machine_id: machine.machine_id, boot_id: 'one' };
  expect((await call(elsewhere, '/api/agent/heartbeat', theirs)).status).toBe(404);
  expect((await beat()).body.action).toBe('execute');
  expect(await stateOf(id)).toBe('STATE_RUNNING');
});

it('a machine that leaves the agent with a token for one without is known once it was silent', async () => {
  const { clock, call } = await fleet();
  const { body: machine } = await call(home, '/api/agent/checkin', ours, enrolmentToken);
  await clock.advance(30_000);
  const { body } = await call(home, '/api/agent/checkin', stock);
  expect(body).toMatchObject({ machine_id: machine.machine_id, is_new: false });
});
