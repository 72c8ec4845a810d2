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
import { template } from '../../store/documents.ts';
import {
  registered,
  rebootTemplate,
  startServer,
  temporaryDirectory,
  wrapStore,
} from '../harness.ts';

/** An answer as its bytes came. */
async function raw(url: string, headers: Record<string, string>) {
  const request = httpRequest(url, { headers }).end();
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, headers: response.headers, bytes: Buffer.concat(chunks) };
}

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
    const [id] = await registered(server, 1);
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

  it('is not needed: what somebody else writes meanwhile keeps nothing from being deleted', async () => {
    const bare = await openStore('memory:');
    const meanwhile: (() => Promise<unknown>)[] = [];
    const store = wrapStore(bare, (name, operation) => async (...args) => {
      if (name.endsWith('.delete')) await meanwhile.shift()?.();
      return operation(...args);
    });
    const server = await startServer({ store });
    const [id = ''] = await registered(server, 1);
    await server.call('PUT', '/api/settings/a', { body: { value: 'b' } });
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    const touch = async (): Promise<void> => {
      for await (const { value } of bare.machines.all()) await bare.machines.put(value);
    };
    for (const [path, write] of [
      ['settings/a', () => bare.settings.put({ key: 'a', value: 'c' })],
      ['templates/restart', () => bare.templates.put(template('restart'))],
      [`machines/${id}`, touch],
    ] as const) {
      meanwhile.push(write);
      expect([path, (await server.call('DELETE', `/api/${path}`)).status]).toEqual([path, 204]);
    }
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

  it('and an address that cannot be decoded is 400, with the headers of every answer', async () => {
    const server = await startServer();
    for (const path of ['/api/machines/%zz', '/boot/%ff', '/images/%']) {
      const { status, headers, body } = await server.call('GET', path);
      expect([status, body.code]).toEqual([400, 'request.malformed']);
      expect(headers.get('x-request-id')).toBe(body.request_id);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
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
    const [id] = await registered(server, 1);
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
    const [id] = await registered(server, 1);
    const { status, body } = await server.call('PATCH', `/api/machines/${id}`, {
      body: { hostname: 'db-1' },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect([status, body.config.hostname]).toEqual([200, 'db-1']);
  });

  it('is cancelled and deleted with an empty body of any type', async () => {
    const server = await startServer();
    const [machine_id] = await registered(server, 1);
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
    await registered(server, 20);
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
