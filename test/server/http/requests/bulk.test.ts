// Changes of many machines at once, and the counts of tags after them.
import { describe, expect, it } from 'vitest';
import { openStore } from '../../../../src/store/open.ts';
import { registered, startServer, wrapStore } from '../../harness.ts';

describe('a bulk change', () => {
  it('tells what became of each machine, whatever fails', async () => {
    let broken = '';
    const store = wrapStore(await openStore('memory:'), (name, operation) => (...args) => {
      if (name === 'machines.put' && Object(args[0]).id === broken) {
        throw new TypeError('a bug of the inside');
      }
      return operation(...args);
    });
    const server = await startServer({ store });
    const ids = await registered(server, 3);
    broken = ids[1] ?? '';
    const { status, body } = await server.call('POST', '/api/machines/bulk', {
      body: { ids, add_tags: ['rack-1'] },
    });
    expect([status, body.changed]).toEqual([200, 2]);
    const failure = { code: 'internal.bug', error: 'the server failed; its log has the details' };
    expect(body.failed).toEqual([{ machine_id: broken, failure }]);
  });

  it('keeps to the limit of tags', async () => {
    const server = await startServer();
    const ids = await registered(server, 1);
    const tags = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => `t${from + i}`);
    const bulk = (body: object) =>
      server.call('POST', '/api/machines/bulk', { body: { ids, ...body } });
    expect((await bulk({ add_tags: tags(0, 64) })).body.changed).toBe(1);
    const over = await bulk({ add_tags: ['one-more'] });
    expect(over.body.failed[0].failure.code).toBe('request.invalid');
    expect((await bulk({ add_tags: ['one-more'], remove_tags: ['t0'] })).body.changed).toBe(1);
  });

  it('does not delete and change at once', async () => {
    const server = await startServer();
    const ids = await registered(server, 1);
    const both = await server.call('POST', '/api/machines/bulk', {
      body: { ids, delete: true, add_tags: ['x'] },
    });
    expect([both.status, both.body.path]).toEqual([422, 'delete']);
    expect((await server.call('GET', `/api/machines/${ids[0]}`)).status).toBe(200);
  });
});

describe('the tags', () => {
  it('are counted right after every kind of change', async () => {
    const server = await startServer();
    const ids = await registered(server, 3);
    const tags = async () => (await server.call('GET', '/api/tags')).body.tags;
    expect(await tags()).toEqual([]);
    await server.call('POST', '/api/machines/bulk', { body: { ids, add_tags: ['a', 'b'] } });
    expect(await tags()).toEqual([
      { tag: 'a', machines: 3 },
      { tag: 'b', machines: 3 },
    ]);
    await server.call('DELETE', `/api/machines/${ids[0]}`);
    await server.call('PATCH', `/api/machines/${ids[1]}`, { body: { tags: ['c', 'a'] } });
    expect(await tags()).toEqual([
      { tag: 'a', machines: 2 },
      { tag: 'b', machines: 1 },
      { tag: 'c', machines: 1 },
    ]);
    await server.call('DELETE', '/api/tags/a');
    expect(await tags()).toEqual([
      { tag: 'b', machines: 1 },
      { tag: 'c', machines: 1 },
    ]);
  });
});
