// Workflows as version 0.1.0 and Dragonfly's serde wrote them: read by a stock agent, and moved on by it
// with nothing changed but its progress.
import { expect, it } from 'vitest';
import { openedWithKv } from '../../store/backends.ts';
import { checkin, rebootTemplate, startServer } from '../harness.ts';
import { readWorkflow } from '../stock/documents.ts';
import { full } from './documents.ts';

const id = '01900000-0000-7000-8000-00000000000a';
const action = (name: string, status: string, seconds: string) =>
  `{"name":"${name}","status":"${status}","startedAt":"2026-01-02T03:04:05.123456789Z",` +
  `"completedAt":null,"seconds":${seconds},"message":null}`;
const workflow = (seconds: string) =>
  `{"apiVersion":"dragonfly.computer/v1","kind":"Workflow","metadata":{"name":"${id}","generation":9007199254740993},` +
  '"spec":{"hardwareRef":"01900000-0000-7000-8000-000000000001","templateRef":"debian","hardwareMap":{"device_1":"02:00:00:00:00:01"},' +
  '"bootOptions":{"toggleAllowNetboot":true,"isoUrl":null,"bootMode":"netboot"}},' +
  '"status":{"state":"STATE_RUNNING","currentAction":"reboot","progress":50,"globalTimeout":18446744073709551615,' +
  `"startedAt":"2026-01-02T03:04:05.123456789Z","completedAt":null,"error":null,"actions":[` +
  `${action('image2disk', 'STATE_SUCCESS', seconds)},${action('reboot', 'STATE_PENDING', 'null')}]}}`;

async function serve(text: string) {
  const { store, kv } = await openedWithKv('memory:');
  await kv.commit([], [{ key: `workflows/${id}`, value: text }]);
  const server = await startServer({ store });
  const served = async () => (await fetch(`${server.url}/api/workflows/${id}`)).text();
  const stored = async () => (await kv.read([{ key: `workflows/${id}` }]))[0]?.[0]?.value ?? '';
  return { ...server, served, stored };
}

it.each([
  ['1.171', '1'],
  ['59.5', '60'],
  ['-0.4', '0'],
])('a stored workflow of 0.1.0 with %s seconds is served with %s', async (before, after) => {
  const server = await serve(workflow(before));
  expect(await server.served()).toBe(workflow(after));
  // The strict reader's own JSON has no u64.
  const document: unknown = JSON.parse(workflow(after).replace('18446744073709551615', '9800'));
  expect(() => readWorkflow(document, '$')).not.toThrow();
  const { body } = await server.call('GET', '/api/workflows');
  expect(body.workflows[0].status.actions[0].seconds).toBe(Number(after));
});

const inItsState = (state: string) =>
  full
    .replaceAll('0000-000000000001', '0000-000000000009')
    .replace('{"Error":{"message":"no disk \\"sda\\""}}', state)
    .replace('"current_workflow":null', `"current_workflow":"${id}"`);

it.each([
  ['"Discovered"', 'Error'],
  ['"ExistingOs"', 'Error'],
  ['{"Error":{"message":"x"}}', 'Error'],
  ['"Offline"', 'Offline'],
])(
  'the machine of a workflow that runs, restored in the state %s, checks in and may end it',
  async (state, after) => {
    const machine = inItsState(state);
    const machineId: string = JSON.parse(machine).id;
    const text = workflow('7').replace(/"hardwareRef":"[^"]*"/, `"hardwareRef":"${machineId}"`);
    const server = await serve(text);
    await server.store.machines.put(JSON.parse(machine.replaceAll(/\d{17,}/g, '7')));
    const body = { mac: '02:00:00:00:00:01' };
    const answer = await server.call('POST', '/api/agent/checkin', { body });
    expect([answer.status, answer.body.action]).toEqual([200, 'wait']);
    const event = { type: 'completed', success: true };
    const { status } = await server.call('POST', `/api/workflows/${id}/events`, { body: event });
    expect(status).toBe(204);
    const { body: stored } = await server.call('GET', `/api/machines/${machineId}`);
    expect(JSON.stringify(stored.status.state)).toContain(after);
    expect(stored.status.current_workflow).toBeNull();
  },
);

it('the longest timeout that a template may have is that of its workflow', async () => {
  const server = await serve(workflow('7'));
  const template = JSON.stringify(rebootTemplate).replace(
    '"spec":{',
    '"spec":{"timeout":18446744073709551615,',
  );
  await server.call('PUT', '/api/templates/restart', { body: template });
  const { body: machine } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
  const body = JSON.stringify({ machine_id: machine.machine_id, template: 'restart' });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${server.url}/api/workflows`, { method: 'POST', headers, body });
  expect(await answer.text()).toContain('"globalTimeout":18446744073709551615');
});

it('a workflow that Dragonfly wrote is moved on with nothing else changed', async () => {
  const server = await serve(workflow('7'));
  expect(await server.served()).toBe(workflow('7'));
  const body = { type: 'action_started', action: 'image2disk' };
  await server.call('POST', `/api/workflows/${id}/events`, { body });
  const done = { type: 'completed', success: true };
  await server.call('POST', `/api/workflows/${id}/events`, { body: done });
  const text = await server.stored();
  for (const kept of [
    '"generation":9007199254740993',
    '"globalTimeout":18446744073709551615',
    '"startedAt":"2026-01-02T03:04:05.123456789Z"',
    '"bootOptions":{"toggleAllowNetboot":true,"isoUrl":null,"bootMode":"netboot"}',
    '"state":"STATE_SUCCESS"',
  ]) {
    expect(text).toContain(kept);
  }
});
