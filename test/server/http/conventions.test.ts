// HTTP as an engineer of another project expects it: one fact a test, over real connections.
import { once } from 'node:events';
import { connect } from 'node:net';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { request as httpRequest } from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import { openKv } from '../../../src/store/open.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import {
  checkin,
  rebootTemplate,
  startServer,
  temporaryDirectory,
  wrapStore,
  type TestServer,
} from '../harness.ts';

/** Registers machines and gives their ids. */
async function register(server: TestServer, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 1; n <= count; n += 1) {
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n) });
    ids.push(body.machine_id);
  }
  return ids;
}

/** An answer as its bytes came. */
async function raw(url: string, headers: Record<string, string>) {
  const request = httpRequest(url, { headers }).end();
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: response.headers, bytes: Buffer.concat(chunks) };
}

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
    const ids = await register(server, 3);
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
    const ids = await register(server, 1);
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
    const ids = await register(server, 1);
    const both = await server.call('POST', '/api/machines/bulk', {
      body: { ids, delete: true, add_tags: ['x'] },
    });
    expect([both.status, both.body.path]).toEqual([422, 'delete']);
    expect((await server.call('GET', `/api/machines/${ids[0]}`)).status).toBe(200);
  });
});

describe('text', () => {
  it('of operators with half of a surrogate pair is refused, of agents mended', async () => {
    const server = await startServer();
    const [id] = await register(server, 1);
    for (const body of ['{"tags":["a\\ud800"]}', '{"labels":{"\\udc00":"a"}}']) {
      const { status, body: answer } = await server.call('PATCH', `/api/machines/${id}`, { body });
      expect([status, answer.code]).toEqual([400, 'request.malformed']);
    }
    const whole = await server.call('PATCH', `/api/machines/${id}`, {
      body: '{"tags":["\\ud83d\\ude00"]}',
    });
    expect(whole.body.config.tags).toEqual(['😀']);
    const body = '{"mac":"02:00:00:00:00:09","hostname":"a\\ud800"}';
    expect((await server.call('POST', '/api/agent/checkin', { body })).status).toBe(200);
  });

  it('that is stored with one does not make the list unreadable', async () => {
    const kv = await openKv('memory:');
    const server = await startServer({ store: storeOver(kv) });
    await kv.commit([], [{ key: 'settings/a', value: '{"key":"a","value":"b\\ud800 \\\\ud800"}' }]);
    const response = await fetch(`${server.url}/api/settings`);
    const text = await response.text();
    expect(text).toContain('b\uFFFD \\\\ud800');
    expect(JSON.parse(text).settings[0].value).toBe('b\uFFFD \\ud800');
  });

  it.each([
    ['bytes that are not UTF-8', { body: Buffer.from('{"value":"\xff"}', 'latin1') }, 400],
    [
      'another charset',
      { body: '{"value":"a"}', type: 'application/json; charset=iso-8859-1' },
      415,
    ],
    [
      'UTF-16',
      { body: Buffer.from('{"value":"a"}', 'utf16le'), type: 'application/json; charset=utf-16' },
      415,
    ],
    ['UTF-8 by name', { body: '{"value":"ä"}', type: 'application/json; charset="UTF-8"' }, 201],
  ])(
    'in %s is answered as it should',
    async (
      _name,
      { body, type = 'application/json' }: { body: string | Buffer; type?: string },
      expected,
    ) => {
      const server = await startServer();
      const { status } = await fetch(`${server.url}/api/settings/a`, {
        method: 'PUT',
        headers: { 'content-type': type },
        body,
      });
      expect(status).toBe(expected);
    },
  );

  it.each(['a\nb', '', 'x'.repeat(129), 'a\u007f'])('%j is no key of a label', async (key) => {
    const server = await startServer();
    const [id] = await register(server, 1);
    const put = (labels: unknown) =>
      server.call('PATCH', `/api/machines/${id}`, { body: { labels } });
    expect((await put({ [key]: 'a' })).status).toBe(422);
    expect((await put({ [key]: { not: 'a text' } })).status).toBe(422);
    const labelled = {
      ...rebootTemplate,
      metadata: { name: 'restart', labels: { [key.repeat(2)]: 'a' } },
    };
    expect((await server.call('PUT', '/api/templates/restart', { body: labelled })).status).toBe(
      422,
    );
    expect((await put({ ['x'.repeat(128)]: 'a' })).status).toBe(200);
  });
});

describe('a precondition', () => {
  it('If-None-Match: * makes what is not there, and overwrites nothing', async () => {
    const server = await startServer();
    const headers = { 'if-none-match': '*' };
    for (const [path, body] of [
      ['/api/settings/a', { value: 'b' }],
      ['/api/templates/restart', rebootTemplate],
    ] as const) {
      expect((await server.call('PUT', path, { body, headers })).status).toBe(201);
      const again = await server.call('PUT', path, { body, headers });
      expect([again.status, again.body.code]).toEqual([412, 'request.stale']);
      expect((await server.call('PUT', path, { body })).status).toBe(200);
    }
  });

  it('If-None-Match answers 304 to a reader that has it', async () => {
    const server = await startServer();
    const [id] = await register(server, 1);
    const first = await server.call('GET', `/api/machines/${id}`);
    const tag = first.headers.get('etag') ?? '';
    for (const list of [tag, `"x", ${tag}`, `W/${tag}`, '*']) {
      const { status, body, headers } = await server.call('GET', `/api/machines/${id}`, {
        headers: { 'if-none-match': list },
      });
      expect([status, body, headers.get('etag')]).toEqual([304, '', tag]);
    }
    const other = await server.call('GET', `/api/machines/${id}`, {
      headers: { 'if-none-match': '"x"' },
    });
    expect(other.status).toBe(200);
  });

  it('is not needed: puts of one setting at once all succeed', async () => {
    const server = await startServer();
    const puts = Array.from({ length: 20 }, (_, n) =>
      server.call('PUT', '/api/settings/a', { body: { value: `${n}` } }),
    );
    const statuses = (await Promise.all(puts)).map(({ status }) => status);
    expect(statuses.filter((status) => status !== 200 && status !== 201)).toEqual([]);
  });
});

describe('a time', () => {
  it.each([
    ['a leap second', '2030-12-31T23:59:60Z'],
    ['one that is past', '2020-01-01T00:00:00Z'],
    ['one beyond the year 9999 in UTC', '9999-12-31T23:59:59-01:00'],
  ])('that is %s is refused with its reason', async (_name, expires_at) => {
    const server = await startServer();
    const { status, body } = await server.call('POST', '/api/tokens', {
      body: { name: 'a', scope: 'full', expires_at },
    });
    expect([status, body.path]).toEqual([422, 'expires_at']);
  });
});

describe('a query', () => {
  it.each(['garbage', '%00', '~', 'a~AAAAAAAA', '01930000-0000-7000-8000-000000000001'])(
    'with the cursor %s is refused',
    async (cursor) => {
      const server = await startServer();
      await register(server, 1);
      for (const list of ['machines', 'settings', 'templates', 'workflows', 'conflicts']) {
        const { status } = await server.call('GET', `/api/${list}?cursor=${cursor}`);
        expect([list, status]).toEqual([list, 422]);
      }
    },
  );

  it('goes on where a page ended, but not with the cursor of another list', async () => {
    const server = await startServer();
    const ids = await register(server, 3);
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

describe('a method that a route does not take', () => {
  it.each([
    ['OPTIONS', '/api/machines', 'GET, HEAD, POST'],
    ['DELETE', '/api/machines', 'GET, HEAD, POST'],
    ['POST', '/api/machines/01930000-0000-7000-8000-000000000001', 'DELETE, GET, HEAD, PATCH'],
    ['POST', '/api/settings/a', 'DELETE, GET, HEAD, PUT'],
    ['GET', '/api/agent/checkin', 'POST'],
    ['POST', '/boot/start.ipxe', 'GET, HEAD'],
  ])('%s %s is answered 405 with Allow', async (method, path, allow) => {
    const server = await startServer();
    const { status, body, headers } = await server.call(method, path);
    expect([status, body.code, headers.get('allow')]).toEqual([405, 'route.method', allow]);
  });

  it('is answered so where a HEAD would read the whole log for nobody', async () => {
    const server = await startServer();
    const { status, headers } = await server.call('HEAD', '/api/audit/export');
    expect([status, headers.get('allow')]).toEqual([405, 'GET']);
  });

  it('and an address that is none is 404, with the headers of every answer', async () => {
    const server = await startServer();
    for (const path of ['/api/nothing', '/nothing', '/api/machines/a/b/c']) {
      const { status, headers } = await server.call('POST', path);
      expect(status).toBe(404);
      expect(headers.get('x-request-id')).toMatch(/./);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
    const beat = await server.call('POST', '/api/agent/heartbeat', { body: {} });
    expect(beat.headers.get('x-request-id')).toMatch(/./);
  });
});

describe('a boot file', () => {
  it('answers 416 past its end and 412 to an If-Match of another', async () => {
    const dir = temporaryDirectory();
    mkdirSync(`${dir}/x86_64`);
    writeFileSync(`${dir}/x86_64/kernel`, 'x'.repeat(100));
    const server = await startServer({ boot: { dir } });
    const get = (headers: Record<string, string>) =>
      server.call('GET', '/boot/x86_64/kernel', { headers });
    expect((await get({ range: 'bytes=10-19' })).status).toBe(206);
    const past = await get({ range: 'bytes=1000-' });
    expect([past.status, past.body.code]).toEqual([416, 'request.range']);
    expect(past.headers.get('content-range')).toBe('bytes */100');
    const other = await get({ 'if-match': '"x"' });
    expect([other.status, other.body.code]).toEqual([412, 'request.stale']);
  });
});

describe('a request whose body never comes', () => {
  it('gets one answer, and no second one when its time is over', async () => {
    const server = await startServer();
    await createToken(server.store, systemClock, { name: 'a', scope: 'full', expiresAt: null });
    server.app.server.headersTimeout = 300;
    server.app.server.requestTimeout = 600;
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString()));
    socket.write(
      'PUT /api/settings/a HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a',
    );
    await once(socket, 'close');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401']);
  });
});

describe('what is made', () => {
  it('is answered 201 with its Location', async () => {
    const server = await startServer();
    const [id] = await register(server, 1);
    const made = async (method: string, path: string, body: unknown) => {
      const { status, headers } = await server.call(method, path, { body });
      return [status, headers.get('location')];
    };
    expect(await made('PUT', '/api/templates/restart', rebootTemplate)).toEqual([
      201,
      '/api/templates/restart',
    ]);
    expect(await made('PUT', '/api/settings/a', { value: 'b' })).toEqual([201, '/api/settings/a']);
    expect(await made('PUT', '/api/settings/a', { value: 'c' })).toEqual([200, null]);
    const [status, location] = await made('POST', '/api/workflows', {
      machine_id: id,
      template: 'restart',
    });
    expect(status).toBe(201);
    expect((await server.call('GET', String(location))).status).toBe(200);
    expect(await made('POST', '/api/tokens', { name: 'ops', scope: 'full' })).toEqual([
      201,
      '/api/tokens/ops',
    ]);
  });

  it('may be changed by application/merge-patch+json', async () => {
    const server = await startServer();
    const [id] = await register(server, 1);
    const { status, body } = await server.call('PATCH', `/api/machines/${id}`, {
      body: { hostname: 'db-1' },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect([status, body.config.hostname]).toEqual([200, 'db-1']);
  });

  it('is cancelled and deleted with an empty body of any type', async () => {
    const server = await startServer();
    const [machine_id] = await register(server, 1);
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    const made = await server.call('POST', '/api/workflows', {
      body: { machine_id, template: 'restart' },
    });
    const headers = { 'content-type': 'application/json' };
    const path = `/api/workflows/${made.body.metadata.name}/cancel`;
    expect((await server.call('POST', path, { headers })).status).toBe(200);
    expect((await server.call('DELETE', `/api/machines/${machine_id}`, { headers })).status).toBe(
      204,
    );
  });
});

describe('a long answer', () => {
  it('is compressed as its reader accepts it', async () => {
    const server = await startServer();
    await register(server, 20);
    const url = `${server.url}/api/machines`;
    const plain = await raw(url, {});
    expect(plain.headers).toMatchObject({ vary: 'accept-encoding' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    for (const [accepted, coding, open] of [
      ['gzip', 'gzip', gunzipSync],
      ['br;q=1.0, gzip;q=0.5', 'br', brotliDecompressSync],
      ['gzip, deflate, br, zstd', 'zstd', zstdDecompressSync],
      ['zstd;q=0, *;q=0.1', 'br', brotliDecompressSync],
    ] as const) {
      const { headers, bytes } = await raw(url, { 'accept-encoding': accepted });
      expect(headers['content-encoding']).toBe(coding);
      expect(bytes.length).toBeLessThan(plain.bytes.length / 3);
      expect(JSON.parse(open(bytes).toString()).machines).toHaveLength(20);
    }
    const none = await raw(url, { 'accept-encoding': 'identity, gzip;q=0' });
    expect(none.headers['content-encoding']).toBeUndefined();
    const short = await raw(`${server.url}/api/tags`, { 'accept-encoding': 'gzip' });
    expect(short.headers['content-encoding']).toBeUndefined();
  });
});

describe('an error', () => {
  it('is a problem of RFC 9457 where that is asked for', async () => {
    const server = await startServer();
    const get = (accept: string) => server.call('GET', '/api/templates/x', { headers: { accept } });
    const { headers, body } = await get('application/problem+json, application/json;q=0.5');
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json\b/);
    expect(body).toEqual({
      type: 'urn:dragonfly:problem:template.unknown',
      title: 'There is no such template.',
      status: 404,
      detail: 'there is no template x',
      code: 'template.unknown',
      template: 'x',
      request_id: headers.get('x-request-id'),
    });
    for (const accept of ['application/json', '*/*', 'application/problem+json;q=0']) {
      const plain = await get(accept);
      expect(plain.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(plain.body.error).toBe('there is no template x');
    }
  });
});

describe('the tags', () => {
  it('are counted right after every kind of change', async () => {
    const server = await startServer();
    const ids = await register(server, 3);
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

it('a search through all machines lets heartbeats through between its pieces', async () => {
  const server = await startServer({ store: await openStore('memory:') });
  const [machine_id = ''] = await register(server, 1);
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
