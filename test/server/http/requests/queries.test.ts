// Queries and pages of lists, as an engineer of another project expects them.
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../../src/store/open.ts';
import { registered, startServer } from '../../harness.ts';

describe('a query', () => {
  it.each(['garbage', '%00', '~', 'a~AAAAAAAA', '01930000-0000-7000-8000-000000000001'])(
    'with the cursor %s is refused',
    async (cursor) => {
      const server = await startServer();
      await registered(server, 1);
      for (const list of ['machines', 'settings', 'templates', 'workflows', 'conflicts']) {
        const { status } = await server.call('GET', `/api/${list}?cursor=${cursor}`);
        expect([list, status]).toEqual([list, 422]);
      }
    },
  );

  it('goes on where a page ended, but not with the cursor of another list', async () => {
    const server = await startServer();
    const ids = await registered(server, 3);
    await server.call('POST', '/api/machines/bulk', { body: { ids, add_tags: ['rack 1/a'] } });
    const seen: string[] = [];
    let cursor = '';
    do {
      const path = `/api/machines?tag=${encodeURIComponent('rack 1/a')}&limit=1${cursor}`;
      const { body } = await server.call('GET', path);
      seen.push(...body.machines.map(({ id }: { id: string }) => id));
      cursor = body.next_cursor === null ? '' : `&cursor=${encodeURIComponent(body.next_cursor)}`;
    } while (cursor !== '' && seen.length < 9);
    expect(seen).toEqual(ids);
    const { body } = await server.call('GET', '/api/machines?limit=1');
    const elsewhere = await server.call(
      'GET',
      `/api/settings?cursor=${encodeURIComponent(body.next_cursor)}`,
    );
    expect(elsewhere.status).toBe(422);
  });

  it.each([
    '/api/machines?limit=true',
    '/api/machines?limit=1e2',
    '/api/machines?limit=0x10',
    '/api/machines?limit=+5',
    '/api/machines?limit=5.0',
    '/api/conflicts?all=TRUE',
    '/api/conflicts?all=1',
    '/api/tags?nonsense=1',
    '/api/tokens?nonsense=1',
    '/api/machines/01930000-0000-7000-8000-000000000001/history?nonsense=1',
  ])('%s is read strictly', async (path) => {
    const server = await startServer();
    const { status, body } = await server.call('GET', path);
    expect([status, body.code]).toEqual([422, 'request.invalid']);
  });
});

it('a page ends with the record that makes it too long, and the next one goes on', async () => {
  const server = await startServer({ store: await openStore('memory:') });
  const value = 'x'.repeat(60_000);
  for (let n = 0; n < 80; n += 1)
    await server.store.settings.put({ key: `long.${100 + n}`, value });
  const seen: string[] = [];
  const sizes: number[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const { body } = await server.call('GET', `/api/settings?limit=1000${cursor}`);
    sizes.push(JSON.stringify(body).length);
    seen.push(...body.settings.map(({ key }: { key: string }) => key));
    cursor = body.next_cursor === null ? null : `&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
  expect(seen).toEqual(Array.from({ length: 80 }, (_, n) => `long.${100 + n}`));
  expect(sizes.length).toBeGreaterThan(2);
  expect(Math.max(...sizes)).toBeLessThan(2.3 * 1024 * 1024);
});

it('a search through all machines lets heartbeats through between its pieces', async () => {
  const server = await startServer({ store: await openStore('memory:') });
  const [machine_id = ''] = await registered(server, 1);
  const one = (await server.store.machines.get(machine_id))?.value;
  if (one === undefined) throw new Error('not registered');
  for (let n = 0; n < 5000; n += 1) {
    const id = `01930000-0000-7000-8000-${String(n).padStart(12, '0')}`;
    const identity = { ...one.identity, identity_hash: `${n}`, primary_mac: `m${n}`, all_macs: [] };
    await server.store.machines.put({ ...one, id, identity });
  }
  const order: string[] = [];
  const searches = Array.from({ length: 5 }, async (_, n) => {
    await server.call('GET', '/api/machines?q=nothing-has-this');
    order.push(`search ${n}`);
  });
  const beats = (async () => {
    for (let n = 0; n < 10; n += 1) {
      const { status } = await server.call('POST', '/api/agent/heartbeat', {
        body: { machine_id },
      });
      order.push(`beat ${status}`);
    }
  })();
  await Promise.all([...searches, beats]);
  expect(order.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'beat 200'));
});
