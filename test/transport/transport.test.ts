import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { classifyFailure } from '../../src/transport/failure.ts';
import { HttpTransport, type HttpTransportOptions } from '../../src/transport/transport.ts';
import { systemClock } from '../../src/core/clock.ts';
import { AppError } from '../../src/core/errors.ts';

const answer = {
  machine_id: '01930000-0000-7000-8000-000000000001',
  memorable_name: 'AbleAbleAbleAble',
  is_new: true,
  action: 'wait',
  workflow_id: null,
};

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A TCP server that listens has a port.
  return (server.address() as AddressInfo).port;
}

/** A transport to a server that answers as the test says. */
async function against(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  options: Partial<HttpTransportOptions> = {},
): Promise<HttpTransport> {
  const server = createServer(handler);
  const port = await listen(server);
  const transport = new HttpTransport(`http://127.0.0.1:${port}`, {
    clock: systemClock,
    ...options,
  });
  open.push(async () => {
    await transport.close();
    server.closeAllConnections();
    server.close();
  });
  return transport;
}

const never = new AbortController().signal;

function checkIn(transport: HttpTransport, token?: string) {
  return transport.checkIn({ mac: '02:00:00:00:00:01' }, { signal: never, token });
}

async function failure(transport: HttpTransport) {
  const err: unknown = await checkIn(transport).then(
    () => undefined,
    (e: unknown) => e,
  );
  return classifyFailure(err);
}

function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

describe('HttpTransport', () => {
  it('posts the request as JSON with its bearer token', async () => {
    let seen: unknown;
    const transport = await against((request, response) => {
      request.setEncoding('utf8');
      let body = '';
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const { method, url, headers } = request;
        seen = { method, url, type: headers['content-type'], auth: headers.authorization, body };
        json(response, 200, answer);
      });
    });
    expect(await checkIn(transport, 'secret')).toMatchObject({
      memorable_name: 'AbleAbleAbleAble',
    });
    expect(seen).toEqual({
      method: 'POST',
      url: '/api/agent/checkin',
      type: 'application/json',
      auth: 'Bearer secret',
      body: '{"mac":"02:00:00:00:00:01"}',
    });
  });

  it('fills in what a stock server does not say', async () => {
    const transport = await against((_, response) => json(response, 200, answer));
    expect(await checkIn(transport)).toMatchObject({
      matched_by: 'new',
      evidence: [],
      heartbeat_interval_seconds: 30,
    });
  });

  it.each<[number, string]>([
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [404, 'unknown'],
    [409, 'rejected'],
    [422, 'rejected'],
    [429, 'busy'],
    [500, 'network'],
    [502, 'network'],
    [503, 'busy'],
  ])('sorts %d as %s and passes on what the server says', async (status, kind) => {
    const transport = await against((_, response) =>
      json(response, status, { error: 'because\u001b[2J of\r\nthis', code: 'machine.unknown' }),
    );
    const { kind: got, error } = await failure(transport);
    expect(got).toBe(kind);
    expect(error.message).toContain('because [2J of this');
    expect(error.details).toMatchObject({ status, code: 'machine.unknown' });
  });

  it('reads Retry-After as seconds and as a date by the server\u2019s clock', async () => {
    const seconds = await against((_, r) => json(r, 429, {}, { 'retry-after': '17' }));
    expect((await failure(seconds)).retryAfterMs).toBe(17_000);
    const date = await against((_, r) =>
      json(
        r,
        503,
        {},
        {
          date: 'Sat, 01 Jan 2000 00:00:00 GMT',
          'retry-after': 'Sat, 01 Jan 2000 00:01:30 GMT',
        },
      ),
    );
    expect((await failure(date)).retryAfterMs).toBe(90_000);
    const junk = await against((_, r) => json(r, 503, {}, { 'retry-after': 'soon' }));
    expect((await failure(junk)).retryAfterMs).toBeUndefined();
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['a sign-in page', (r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
    ['a redirect', (r) => r.writeHead(302, { location: 'http://portal.example/' }).end()],
    [
      'a web server\u2019s 404 page',
      (r) => r.writeHead(404, { 'content-type': 'text/html' }).end('<p>'),
    ],
    ['an empty answer', (r) => r.writeHead(200).end()],
    ['another JSON service', (r) => json(r, 200, { hello: 'world' })],
    ['an array', (r) => json(r, 200, [answer])],
    ['a machine id with a path in it', (r) => json(r, 200, { ...answer, machine_id: '../../etc' })],
    ['an action nobody knows', (r) => json(r, 200, { ...answer, action: 'format' })],
    ['execute without a workflow', (r) => json(r, 200, { ...answer, action: 'execute' })],
    ['a token with a line break', (r) => json(r, 200, { ...answer, token: 'a\r\nb' })],
    ['an endless answer', (r) => r.writeHead(200).end(Buffer.alloc(2 * 1024 * 1024, 32))],
    [
      'JSON that is cut off',
      (r) => r.writeHead(200, { connection: 'close' }).end('{"machine_id":'),
    ],
  ])('recognises %s as not being a server\u2019s answer, and will retry', async (_, respond) => {
    const { kind, error } = await failure(await against((_request, r) => respond(r)));
    expect(error.code).toBe('server.garbled');
    expect(kind).toBe('network');
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['no headers', () => {}],
    ['headers and no body', (r) => r.writeHead(200).flushHeaders()],
    ['a body that is cut off', (r) => r.writeHead(200, { 'content-length': 500 }).end('{}')],
    ['a reset', (r) => r.socket?.resetAndDestroy()],
    ['bytes that are no HTTP', (r) => r.socket?.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ])('gives up within its deadline on %s', async (_, respond) => {
    const transport = await against((_request, r) => respond(r), {
      headersTimeoutMs: 100,
      bodyTimeoutMs: 100,
      totalTimeoutMs: 2_000,
    });
    expect(await failure(transport)).toMatchObject({
      kind: 'network',
      error: { code: 'server.unreachable' },
    });
  });

  it('gives up on an answer that trickles in byte by byte', async () => {
    const transport = await against(
      (_, response) => {
        response.writeHead(200);
        const drip = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(drip));
      },
      { bodyTimeoutMs: 5_000, totalTimeoutMs: 300 },
    );
    expect((await failure(transport)).kind).toBe('network');
  });

  it('says that nothing listens, and works as soon as something does', async () => {
    const placeholder = createTcpServer();
    const port = await listen(placeholder);
    await new Promise((resolve) => {
      placeholder.close(resolve);
    });
    const transport = new HttpTransport(`http://127.0.0.1:${port}`, { clock: systemClock });
    expect((await failure(transport)).error.code).toBe('server.unreachable');
    const server = createServer((_, response) => json(response, 200, answer));
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    open.push(async () => {
      await transport.close();
      server.close();
    });
    expect((await checkIn(transport)).machine_id).toBe(answer.machine_id);
  });

  it('goes to a server on this host directly, whatever the proxy', async () => {
    const proxy = { http: 'http://127.0.0.1:1' };
    const transport = await against((_, response) => json(response, 200, answer), { proxy });
    expect((await checkIn(transport)).machine_id).toBe(answer.machine_id);
  });

  it('stops at once when it is told to', async () => {
    const transport = await against(() => {});
    const stop = new AbortController();
    const call = transport.checkIn({ mac: '02:00:00:00:00:01' }, { signal: stop.signal });
    stop.abort(new AppError('internal.bug', 'stopped'));
    await expect(call).rejects.toThrow('stopped');
  });
});
