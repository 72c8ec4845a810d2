// Workflows as version 0.1.0 and Dragonfly's serde wrote them: read by a stock agent, and moved on by it
// with nothing changed but its progress.
import { expect, it } from 'vitest';
import { openedWithKv } from '../../store/backends.ts';
import { startServer } from '../harness.ts';
import { readWorkflow } from '../stock/documents.ts';

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
