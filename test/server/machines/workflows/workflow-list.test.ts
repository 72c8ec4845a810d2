import { expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/clock.ts';
import type { Workflow } from '../../../../src/model/documents/workflow.ts';
import { createToken } from '../../../../src/server/access/tokens.ts';
import { MemoryKv } from '../../../../src/store/memory.ts';
import { openStoreOn } from '../../../../src/store/open.ts';
import { startServer, type TestServer } from '../../harness.ts';

const made = Date.parse('2026-11-20T00:00:00Z');
const one = '01930000-0000-7000-8000-000000000001';
const other = '01930000-0000-7000-8000-000000000002';

/** The name of the workflow of that hour. */
function nameOf(hour: number): string {
  const hex = (made + hour * 3_600_000).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

type Status = NonNullable<Workflow['status']>;
const statuses: readonly Status[] = [
  { state: 'STATE_SUCCESS' },
  { state: 'STATE_FAILED', error: 'no' },
  { state: 'STATE_FAILED', cancelled: true },
  { state: 'STATE_TIMEOUT' },
  { state: 'STATE_RUNNING' },
  { state: 'STATE_PENDING' },
];

/** A server with a workflow of each kind, one an hour, of two machines in turn. */
async function prepared(): Promise<TestServer> {
  const server = await startServer();
  for (const [hour, status] of statuses.entries()) {
    await server.store.workflows.put({
      kind: 'Workflow',
      metadata: { name: nameOf(hour) },
      spec: { hardwareRef: hour % 2 === 0 ? one : other, templateRef: 't' },
      status,
    });
  }
  return server;
}

it('workflows are listed by state, time, machine and order', async () => {
  const server = await prepared();
  const hours = async (query: string): Promise<number[]> => {
    const { body } = await server.call('GET', `/api/workflows?${query}`);
    return body.workflows.map(({ metadata }: Workflow) =>
      statuses.findIndex((_, hour) => nameOf(hour) === metadata.name),
    );
  };
  expect(await hours('')).toEqual([0, 1, 2, 3, 4, 5]);
  expect(await hours('order=newest')).toEqual([5, 4, 3, 2, 1, 0]);
  expect(await hours('state=active')).toEqual([4, 5]);
  expect(await hours('state=ended')).toEqual([0, 1, 2, 3]);
  expect(await hours('state=failed')).toEqual([1]);
  expect(await hours('state=cancelled')).toEqual([2]);
  expect(await hours('since=2026-11-20T03:00:00Z')).toEqual([3, 4, 5]);
  expect(await hours(`machine_id=${other.toUpperCase()}&order=newest`)).toEqual([5, 3, 1]);
  await server.store.workflows.delete(nameOf(5));
  expect(await hours('state=active')).toEqual([4]);
});

it('a workflow whose template has an integer beyond 2^53 is listed in every order', async () => {
  const server = await startServer();
  const name = nameOf(0);
  await server.store.workflows.put({
    kind: 'Workflow',
    metadata: { name },
    spec: {
      hardwareRef: one,
      templateRef: 't',
      template: {
        apiVersion: 'dragonfly.computer/v1',
        kind: 'Template',
        metadata: { name: 't' },
        spec: { timeout: 2n ** 53n + 1n, actions: [] },
      },
    },
    status: { state: 'STATE_PENDING' },
  });
  for (const query of ['', 'order=newest', 'state=active']) {
    const { status, body } = await server.call('GET', `/api/workflows?${query}`);
    expect([query, status, body.workflows?.length]).toEqual([query, 200, 1]);
  }
});

it('pages of such a list follow each other, and no other cursor is taken', async () => {
  const server = await prepared();
  const names: string[] = [];
  let cursor: string | null = '';
  for (let pages = 1; cursor !== null && pages < 10; pages += 1) {
    const after = cursor === '' ? '' : `&cursor=${cursor}`;
    const { body } = await server.call('GET', `/api/workflows?order=newest&limit=4${after}`);
    names.push(...body.workflows.map(({ metadata }: Workflow) => metadata.name));
    cursor = body.next_cursor;
  }
  expect(names).toEqual([5, 4, 3, 2, 1, 0].map(nameOf));
  const garbage = await server.call('GET', '/api/workflows?order=newest&cursor=garbage');
  expect([garbage.status, garbage.body.code]).toEqual([422, 'request.invalid']);
});

it('workflows that cannot be read are named in every list, in their place', async () => {
  const kv = new MemoryKv();
  const server = await startServer({ store: await openStoreOn(kv) });
  for (const hour of [0, 1, 2, 3])
    await server.store.workflows.put({
      kind: 'Workflow',
      metadata: { name: nameOf(hour) },
      spec: { hardwareRef: hour % 2 === 0 ? one : other, templateRef: 't' },
      status: { state: 'STATE_SUCCESS' },
    });
  for (const hour of [1, 2])
    await kv.commit([], [{ key: `workflows/${nameOf(hour)}`, value: '{' }]);
  const list = async (query: string): Promise<string[]> => {
    const { body } = await server.call('GET', `/api/workflows?${query}`);
    const named = (body.damaged ?? []).map(({ record }: { record: string }) => record);
    const read = body.workflows.map(({ metadata }: Workflow) => `workflows/${metadata.name}`);
    const { next_cursor: cursor } = body;
    const after = cursor === null ? [] : ['|', ...(await list(`${query}&cursor=${cursor}`))];
    return [...read, '!', ...named, ...after];
  };
  const [a, b, c, d] = [0, 1, 2, 3].map((hour) => `workflows/${nameOf(hour)}`);
  expect(await list('order=newest')).toEqual([d, a, '!', c, b]);
  expect(await list('state=failed')).toEqual(['!', b, c]);
  expect(await list('order=newest&limit=2')).toEqual([d, '!', c, '|', a, '!', b]);
  expect(await list(`state=ended&machine_id=${one}`)).toEqual([a, '!', c]);
  expect(await list('since=2026-11-20T02:00:00Z')).toEqual([d, '!', c]);
  await server.call('DELETE', `/api/damaged/workflows/${nameOf(2)}`);
  expect(await list('order=newest')).toEqual([d, a, '!', b]);
});

it('pages of workflows follow each other whatever their names are', async () => {
  const server = await startServer();
  const names = ['Install web-1', 'a/b', 'a~b', 'install-web-1', 'ä', 'x'.repeat(300)];
  for (const name of names)
    await server.store.workflows.put({
      kind: 'Workflow',
      metadata: { name },
      spec: { hardwareRef: one, templateRef: 't' },
      status: { state: 'STATE_SUCCESS' },
    });
  for (const query of ['order=newest', 'state=ended']) {
    const found: string[] = [];
    let cursor: string | null = '';
    for (let pages = 0; cursor !== null && pages < 10; pages += 1) {
      const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { status, body } = await server.call('GET', `/api/workflows?${query}&limit=1${after}`);
      expect([status, body.damaged]).toEqual([200, undefined]);
      found.push(...body.workflows.map(({ metadata }: Workflow) => metadata.name));
      cursor = body.next_cursor;
    }
    expect(found.toSorted()).toEqual(names.toSorted());
  }
});

it('workflows are counted by state and time, cancelled ones apart', async () => {
  const server = await prepared();
  const { body } = await server.call('GET', '/api/workflows/counts');
  expect(body.counts).toEqual({
    pending: 1,
    running: 1,
    success: 1,
    failed: 1,
    timeout: 1,
    cancelled: 1,
  });
  const late = await server.call('GET', '/api/workflows/counts?since=2026-11-20T03:00:00Z');
  expect(late.body.counts).toMatchObject({ success: 0, cancelled: 0, timeout: 1, running: 1 });
});

it('everybody hears who they are and what they may do', async () => {
  const server = await startServer();
  const anyone = await server.call('GET', '/api/whoami');
  expect(anyone.body).toEqual({ name: 'anyone', scope: 'full', expires_at: null, open: true });
  const tokenOf = (name: string, scope: 'read' | 'full', tags?: string[]) =>
    createToken(server.store, systemClock, {
      name,
      scope,
      tags,
      expiresAt: new Date('2100-01-01T00:00:00Z'),
    });
  await tokenOf('root', 'full');
  const token = await tokenOf('watcher', 'read', ['rack-1']);
  await expect
    .poll(async () => (await server.call('GET', '/api/whoami', { token })).body, {
      timeout: 15_000,
    })
    .toEqual({
      name: 'watcher',
      scope: 'read',
      tags: ['rack-1'],
      expires_at: '2100-01-01T00:00:00.000Z',
    });
  expect((await server.call('GET', '/api/whoami')).status).toBe(401);
});
