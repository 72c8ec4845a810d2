// A server that was restored from a backup does not carry out by itself what was under way when that was made.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WorkflowEvent } from '../../../../src/model/api/agent.ts';
import { backUp } from '../../../../src/store/backup/backup.ts';
import { restore } from '../../../../src/store/backup/restore.ts';
import { MemoryKv } from '../../../../src/store/memory.ts';
import { storeOver } from '../../../../src/store/kv-store.ts';
import { temporaryDirectory } from '../../../store/backends.ts';
import { checkin, imageTemplate, startServer, type TestServer } from '../../harness.ts';

const mac = '02:00:00:00:00:01';

async function hello(server: TestServer, boot_id: string): Promise<string> {
  const body = checkin(1, { boot_id });
  return (await server.call('POST', '/api/agent/checkin', { body })).body.action;
}

const tell = (server: TestServer, id: string, body: WorkflowEvent) =>
  server.call('POST', `/api/workflows/${id}/events`, { body });

/** A server that was restored from the backup of one with a workflow, of which boot "a" told `events`. */
async function restored(events: readonly WorkflowEvent[]) {
  const before = new MemoryKv();
  const old = await startServer({ store: storeOver(before) });
  await old.call('PUT', '/api/templates/debian', { body: imageTemplate });
  const { body } = await old.call('POST', '/api/agent/checkin', {
    body: checkin(1, { boot_id: 'a' }),
  });
  const order = { machine_id: body.machine_id, template: 'debian' };
  const made = await old.call('POST', '/api/workflows', { body: order });
  const id: string = made.body.metadata.name;
  for (const event of events) await tell(old, id, { ...event, boot_id: 'a' });
  const { body: document } = await old.call('GET', `/api/workflows/${id}`);
  const file = join(temporaryDirectory(), 'backup');
  await backUp(before, file);
  const after = new MemoryKv();
  await restore(after, file);
  return { server: await startServer({ store: storeOver(after) }), id, document };
}

describe('a restored workflow', () => {
  it.each([
    ['waited', []],
    ['ran', [{ type: 'started' }]],
  ] as const)('that %s is held until it is released', async (_how, events) => {
    const { server, id, document } = await restored(events);
    const path = `/api/workflows/${id}`;
    const { held, ...rest } = (await server.call('GET', path)).body;
    expect([held, rest]).toEqual(['restored from a backup', document]);
    expect(await hello(server, 'a')).toBe('wait');
    expect((await server.call('GET', `/boot/${mac}`)).body).not.toContain('dragonfly.workflow=');
    expect((await tell(server, id, { type: 'started', boot_id: 'a' })).status).toBe(409);
    const released = await server.call('POST', `${path}/release`);
    expect([released.status, released.body]).toEqual([200, document]);
    expect(await hello(server, 'a')).toBe('execute');
  });

  it('that had ended is as it was', async () => {
    const { server, id, document } = await restored([{ type: 'completed', success: false }]);
    const path = `/api/workflows/${id}`;
    expect((await server.call('GET', path)).body).toEqual(document);
    const refused = await server.call('POST', `${path}/release`);
    expect([refused.status, refused.body.code]).toEqual([409, 'workflow.finished']);
  });

  it('can be cancelled', async () => {
    const { server, id } = await restored([]);
    expect((await server.call('POST', `/api/workflows/${id}/cancel`)).status).toBe(200);
    expect(await hello(server, 'b')).toBe('wait');
  });
});

it('a restored webhook is disabled: the store that it comes from may still post', async () => {
  const before = new MemoryKv();
  const old = await startServer({ store: storeOver(before) });
  const webhook = { name: 'inventory', url: 'https://receiver.example/events' };
  expect((await old.call('POST', '/api/webhooks', { body: webhook })).status).toBe(201);
  const file = join(temporaryDirectory(), 'backup');
  await backUp(before, file);
  const after = new MemoryKv();
  await restore(after, file);
  const server = await startServer({ store: storeOver(after) });
  const { body } = await server.call('GET', '/api/webhooks/inventory');
  expect(body).toMatchObject({ ...webhook, enabled: false });
});
