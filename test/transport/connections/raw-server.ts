// Servers that answer with bytes of a test's own.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { afterEach } from 'vitest';
import {
  openConnections,
  type ConnectionOptions,
  type Connections,
} from '../../../src/transport/connections.ts';
import { systemClock } from '../../../src/core/clock.ts';

const open: (() => void)[] = [];

afterEach(() => {
  for (const close of open.splice(0)) close();
});

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  open.push(() => server.close());
  // A TCP server that listens has a port.
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A way to ask a server again and again, over connections that are kept. */
export async function connectionsTo(
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
export async function against(
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
export async function againstBytes(
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

export const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n';
