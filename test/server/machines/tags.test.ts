// Tags of machines: one at a time, and many at once.
import { describe, expect, it } from 'vitest';
import { loadMachine } from '../../../src/server/machines/machines.ts';
import { checkin, imageTemplate, startServer, type TestServer } from '../harness.ts';

async function register(server: TestServer, n: number, more: Record<string, unknown> = {}) {
  const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n, more) });
  return String(body.machine_id);
}

const patch = (server: TestServer, id: string, body: unknown, headers = {}) =>
  server.call('PATCH', `/api/machines/${id}`, { body, headers });

describe('many machines at once', () => {
  it('are each changed by themselves, and what fails is said for that one', async () => {
    const server = await startServer();
    await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
    const os = { existing_os: { name: 'Debian 12', device: '/dev/sda1' } };
    const [bare, used] = [await register(server, 1), await register(server, 2, os)];
    const nobody = '01890000-0000-7000-8000-000000000000';
    const { body } = await server.call('POST', '/api/machines/bulk', {
      body: {
        ids: [bare, used, nobody],
        add_tags: ['new'],
        workflow: { template: 'debian' },
      },
    });
    expect(body.changed).toBe(1);
    expect(
      Object.fromEntries(
        body.failed.map((f: { machine_id: string; failure: { code: string } }) => [
          f.machine_id,
          f.failure.code,
        ]),
      ),
    ).toEqual({ [used]: 'machine.has-os', [nobody]: 'machine.unknown' });
  });

  it('are deleted, with their history', async () => {
    const server = await startServer();
    const ids = [await register(server, 1), await register(server, 2)];
    const { body } = await server.call('POST', '/api/machines/bulk', {
      body: { ids, delete: true },
    });
    expect(body).toEqual({ changed: 2, failed: [] });
    expect((await server.call('GET', '/api/machines')).body.machines).toEqual([]);
  });
});

describe('tags', () => {
  const decomposed = 'ra\u0308ck';
  const mac = '02:00:00:00:09:09';

  it('are listed with their machines and taken off all of them', async () => {
    const server = await startServer();
    const ids = [await register(server, 1), await register(server, 2)];
    await server.call('POST', '/api/machines/bulk', { body: { ids, add_tags: ['a b', 'c'] } });
    await server.call('POST', '/api/machines/bulk', {
      body: { ids: ids.slice(1), remove_tags: ['c'] },
    });
    const tags = async () => (await server.call('GET', '/api/tags')).body.tags;
    expect(await tags()).toEqual([
      { tag: 'a b', machines: 2 },
      { tag: 'c', machines: 1 },
    ]);
    const gone = await server.call('DELETE', `/api/tags/${encodeURIComponent('a b')}`);
    expect(gone.body).toEqual({ changed: 2 });
    expect(await tags()).toEqual([{ tag: 'c', machines: 1 }]);
  });

  it('have one spelling, and nothing in them that nobody sees', async () => {
    const server = await startServer();
    const id = await register(server, 1);
    const tagsOf = async () => (await server.call('GET', `/api/machines/${id}`)).body.config.tags;
    const bulk = (body: object) =>
      server.call('POST', '/api/machines/bulk', { body: { ids: [id], ...body } });
    const found = async (tag: string) => {
      const { body } = await server.call('GET', `/api/machines?tag=${encodeURIComponent(tag)}`);
      return body.machines.length;
    };
    await patch(server, id, { tags: ['räck', decomposed] });
    await bulk({ add_tags: [decomposed] });
    expect(await tagsOf()).toEqual(['räck']);
    expect([await found('räck'), await found(decomposed)]).toEqual([1, 1]);
    for (const [{ status, body }, path] of [
      [await patch(server, id, { tags: ['a', 'b\u200b'] }), 'tags[1]'],
      [await bulk({ add_tags: ['b\u202e'] }), 'add_tags[0]'],
      [await server.call('POST', '/api/machines', { body: { mac, tags: ['\u3164'] } }), 'tags[0]'],
    ] as const) {
      expect([status, body.path]).toEqual([422, path]);
    }
    await bulk({ remove_tags: [decomposed] });
    expect(await tagsOf()).toEqual([]);
    await patch(server, id, { tags: ['räck'] });
    expect(
      (await server.call('DELETE', `/api/tags/${encodeURIComponent(decomposed)}`)).body,
    ).toEqual({ changed: 1 });
  });

  it('that an older version took stay as they are until they are removed', async () => {
    const server = await startServer();
    const id = await register(server, 1);
    const { value } = await loadMachine(server, id);
    const old = [decomposed, 'a\u200b', ' '];
    const store = () =>
      server.store.machines.put({ ...value, config: { ...value.config, tags: old } });
    await store();
    const list = await server.call('GET', `/api/machines?tag=${encodeURIComponent(decomposed)}`);
    expect(list.body.machines).toHaveLength(1);
    const more = await patch(server, id, { tags: [...old, 'new'] });
    expect(more.body.config.tags).toEqual([...old, 'new']);
    const { body } = await server.call('POST', '/api/machines/bulk', {
      body: { ids: [id], add_tags: ['b'], remove_tags: [decomposed, 'a\u200b'] },
    });
    expect(body).toEqual({ changed: 1, failed: [] });
    expect((await server.call('GET', `/api/machines/${id}`)).body.config.tags).toEqual([
      ' ',
      'new',
      'b',
    ]);
    expect((await server.call('DELETE', '/api/tags/%20')).body).toEqual({ changed: 1 });
    await store();
    expect(
      (await server.call('DELETE', `/api/tags/${encodeURIComponent(decomposed)}`)).body,
    ).toEqual({ changed: 1 });
  });
});
