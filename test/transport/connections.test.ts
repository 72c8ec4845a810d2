// A server's treatment of an agent's connections: keep them, close them at the worst moment, answer
// too much or never.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  openConnections,
  type ConnectionOptions,
  type Connections,
} from '../../src/transport/connections.ts';
import { ManualClock, systemClock } from '../../src/core/clock.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  open.push(() => server.close());
  // A TCP server that listens has a port.
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A way to ask a server again and again, over connections that are kept. */
async function connectionsTo(
  origin: string,
  options: Partial<ConnectionOptions> = {},
): Promise<{
  connections: Connections;
  ask: (signal?: AbortSignal, isRepeatable?: boolean) => Promise<string>;
  read: (silenceMs: number) => AsyncIterator<Uint8Array>;
}> {
  const connections = await openConnections(origin, { clock: systemClock, ...options });
  open.push(() => connections.destroy());
  const never = new AbortController().signal;
  const url = new URL('/', origin);
  const ask = async (signal = never, isRepeatable = true): Promise<string> => {
    const answer = await connections.request({
      method: 'POST',
      url,
      headers: {},
      body: '{}',
      signal,
      isRepeatable,
    });
    return `${answer.status} ${answer.text}`;
  };
  async function* read(silenceMs: number): AsyncGenerator<Uint8Array> {
    const question = {
      method: 'GET',
      url,
      headers: {},
      signal: never,
      isRepeatable: true,
    } as const;
    yield* (await connections.open(question, silenceMs)).body;
  }
  return { connections, ask, read };
}

/** Against an HTTP server; `nth` counts the requests of one connection from 1, `connection` those. */
async function against(
  respond: (response: ServerResponse, nth: number, connection: number) => void,
  options: Partial<ConnectionOptions> = {},
) {
  const counts = new Map<Socket, number>();
  const closed: Promise<void>[] = [];
  let requests = 0;
  const server = createServer((request: IncomingMessage, response) => {
    const nth = (counts.get(request.socket) ?? 0) + 1;
    requests += 1;
    if (nth === 1)
      closed.push(new Promise((resolve) => void request.socket.once('close', () => resolve())));
    counts.set(request.socket, nth);
    request.resume().once('end', () => respond(response, nth, counts.size));
  });
  const address = await listen(server);
  open.push(() => server.closeAllConnections());
  return {
    ...(await connectionsTo(`http://${address}`, options)),
    closed,
    requests: () => requests,
  };
}

/** Against a server that writes these bytes, whatever it is asked, each time it is. */
async function againstBytes(
  write: (socket: Socket) => void,
  options: Partial<ConnectionOptions> = {},
) {
  let count = 0;
  const server = createTcpServer((socket) => {
    count += 1;
    socket.on('error', () => {});
    socket.on('data', () => write(socket));
  });
  const address = await listen(server);
  return { ...(await connectionsTo(`http://${address}`, options)), connected: () => count };
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';

describe('a connection', () => {
  it('is used again for the next request', async () => {
    const { ask } = await against((r, nth, connection) => r.end(`${connection}/${nth}`));
    expect([await ask(), await ask(), await ask()]).toEqual(['200 1/1', '200 1/2', '200 1/3']);
  });

  it('carries one request after another, also when they come at once', async () => {
    const { ask } = await against((r, nth, connection) => r.end(`${connection}/${nth}`));
    await ask();
    expect(await Promise.all([ask(), ask()])).toEqual(['200 1/2', '200 1/3']);
  });

  it.each<[string, (socket: Socket | null) => unknown]>([
    ['closed', (socket) => socket?.destroy()],
    ['reset', (socket) => socket?.resetAndDestroy()],
  ])(
    'that the server has %s while it was idle is made anew, and nobody notices',
    async (_, end) => {
      const { ask, requests } = await against((r, nth, connection) =>
        nth === 2 ? void end(r.socket) : r.end(`${connection}/${nth}`),
      );
      expect([await ask(), await ask()]).toEqual(['200 1/1', '200 2/1']);
      expect(requests()).toBe(3);
    },
  );

  it('that the server has closed while it was idle is an error for what must not be asked twice', async () => {
    const { ask, requests } = await against((r, nth) =>
      nth === 2 ? void r.socket?.destroy() : r.end(),
    );
    await ask();
    await expect(ask(undefined, false)).rejects.toThrow('closed an idle connection');
    expect(requests()).toBe(2);
  });

  it('that fails twice is an error', async () => {
    const { ask, requests } = await against((r, nth, connection) =>
      nth === 1 && connection === 1 ? r.end() : void r.socket?.resetAndDestroy(),
    );
    await ask();
    await expect(ask()).rejects.toThrow('ECONNRESET');
    expect(requests()).toBe(3);
  });

  it('that breaks in the middle of an answer is an error: there was one', async () => {
    const { ask, requests } = await against((r, nth) => {
      if (nth === 1) r.end();
      else r.writeHead(200, { 'content-length': 9 }).write('x', () => r.socket?.resetAndDestroy());
    });
    await ask();
    await expect(ask()).rejects.toThrow(/ECONNRESET|aborted/);
    expect(requests()).toBe(2);
  });

  it('that the server is about to close is not used again', async () => {
    const { ask } = await against((r, nth, connection) => {
      r.setHeader('keep-alive', 'timeout=1');
      r.end(`${connection}/${nth}`);
    });
    expect([await ask(), await ask()]).toEqual(['200 1/1', '200 2/1']);
  });

  it('is not used again after an answer that nobody has asked for', async () => {
    const { ask, connected } = await againstBytes((socket) => socket.write(`${ok}me${ok}no`));
    expect([await ask(), await ask()]).toEqual(['200 me', '200 me']);
    expect(connected()).toBe(2);
  });

  it('is closed when it is given up, idle or not', async () => {
    const idle = await against((r) => r.end());
    await idle.ask();
    idle.connections.destroy();
    await Promise.all(idle.closed);
    await expect(idle.ask()).rejects.toThrow('the connection was given up');
    const asked = Promise.withResolvers<void>();
    const busy = await against(() => asked.resolve());
    const answer = busy.ask();
    await asked.promise;
    busy.connections.destroy();
    await expect(answer).rejects.toThrow('socket hang up');
    await Promise.all(busy.closed);
  });

  it('is closed when a request is stopped in the middle of its answer', async () => {
    const stop = new AbortController();
    const { ask, closed } = await against((r) => {
      r.writeHead(200, { 'content-length': 100 });
      r.write('x', () => stop.abort(new Error('stopped')));
    });
    await expect(ask(stop.signal)).rejects.toThrow('stopped');
    await Promise.all(closed);
  });
});

describe('an answer that is read while it comes', () => {
  it('may take its reader any time, but not its server', async () => {
    const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
    const { read } = await against((r) => void r.writeHead(200).write('one'), { clock });
    const parts = read(45_000);
    expect(Buffer.from((await parts.next()).value ?? '').toString()).toBe('one');
    await clock.advance(600_000);
    const next = parts.next();
    next.catch(() => {});
    await expect.poll(() => clock.nextDueMs()).toBe(645_000);
    await clock.advance(45_000);
    await expect(next).rejects.toThrow('no further part of the answer within 45 s');
  });

  it('breaks off where the connection does', async () => {
    const { read } = await against((r) => void r.writeHead(200).write('one', () => r.destroy()));
    const parts = read(45_000);
    await parts.next();
    await expect(parts.next()).rejects.toThrow('aborted');
  });

  it('ends its connection when its reader leaves', async () => {
    const { read, closed } = await against((r) => void r.writeHead(200).write('one'));
    const parts = read(45_000);
    await parts.next();
    await parts.return?.();
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
  });
});

describe('an answer', () => {
  it('may be preceded by others with a status of 1xx', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';
    const { ask } = await againstBytes((socket) => socket.write(`${early}${early}${ok}me`));
    expect(await ask()).toBe('200 me');
  });

  it('has to come in time, however many of 1xx precede it', async () => {
    const { ask } = await againstBytes(
      (socket) => {
        const drip = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 10);
        socket.on('close', () => clearInterval(drip));
      },
      { headersTimeoutMs: 200 },
    );
    await expect(ask()).rejects.toThrow('no answer within 0.2 s');
  });

  it.each<[string, string, string]>([
    [
      'that changes the protocol',
      'HTTP/1.1 101 Sure\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      'without an answer',
    ],
    [
      'whose headers have no end',
      `${ok.slice(0, -2)}X: ${'x'.repeat(20_000)}`,
      'HPE_HEADER_OVERFLOW',
    ],
    [
      'whose parts have no sizes',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz',
      'HPE_INVALID_CHUNK_SIZE',
    ],
    [
      'with two lengths',
      `${ok.slice(0, -2)}Content-Length: 3\r\n\r\nabc`,
      'HPE_UNEXPECTED_CONTENT_LENGTH',
    ],
  ])('%s is an error', async (_, bytes, error) => {
    const { ask } = await againstBytes((socket) => socket.write(bytes), {
      headersTimeoutMs: 2_000,
    });
    const err: unknown = await ask().catch((e: unknown) => e);
    expect(err instanceof Error && 'code' in err ? err.code : String(err)).toContain(error);
  });

  it('whose last part never comes is an error', async () => {
    const { ask } = await againstBytes((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nme\r\n'),
    );
    await expect(ask()).rejects.toThrow('aborted');
  });
});

describe('a server that takes a connection and says nothing', () => {
  it.each([
    ['https', { connectTimeoutMs: 100 }, 'no connection within 0.1 s'],
    ['http', { headersTimeoutMs: 100 }, 'no answer within 0.1 s'],
    ['http', { totalTimeoutMs: 100 }, 'no complete answer within 0.1 s'],
  ] as const)('over %s is given up at the deadline: %j', async (scheme, limits, error) => {
    const server = createTcpServer((socket) => void socket.on('error', () => {}).resume());
    const { ask } = await connectionsTo(`${scheme}://${await listen(server)}`, limits);
    await expect(ask()).rejects.toThrow(error);
  });
});
