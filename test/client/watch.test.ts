// The client's events: over a connection that breaks, and to a server that restarts or refuses.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Client } from '../../src/client/client.ts';
import type { WatchedEvent } from '../../src/client/watch.ts';
import { request, startServer } from '../server/harness.ts';

/** A port that leads to `target`, until it is cut. */
async function line(target: string) {
  const sockets = new Set<Socket>();
  const way = { target, connections: 0, answeredBytes: 0 };
  const server = createServer((socket) => {
    way.connections += 1;
    const onward = connect(Number(new URL(way.target).port), '127.0.0.1');
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        sockets.delete(end);
        socket.destroy();
        onward.destroy();
      });
    }
    onward.on('data', (bytes) => {
      way.answeredBytes += bytes.length;
    });
    socket.pipe(onward).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    server.close();
    cut();
  });
  // A TCP server that listens has a port.
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, way, cut };
}

/** The events that a client hears, and a way to let it leave. It reconnects at once. */
function listen(url: string, after?: string) {
  const leave = new AbortController();
  const client = new Client(url, { random: () => 0 });
  const heard: WatchedEvent[] = [];
  const end = (async () => {
    for await (const event of client.events({ signal: leave.signal, after })) heard.push(event);
  })();
  end.catch(() => {});
  onTestFinished(async () => {
    leave.abort();
    await client.close();
  });
  return { heard, end, leave };
}

const put = (url: string, key: string) =>
  request(url, 'PUT', `/api/settings/${key}`, { body: { value: '1' } });
const keys = (heard: readonly WatchedEvent[]) =>
  heard.map((event) => event.data['key'] ?? event.type);

/** Resolves when the client's stream is open: the first event is one of it. */
async function heardFirst(url: string, heard: readonly WatchedEvent[]): Promise<void> {
  await expect
    .poll(async () => {
      await put(url, 'first');
      return heard.length;
    })
    .toBeGreaterThan(0);
  // All of the puts, so that none of them is heard later.
  await put(url, 'then');
  await expect.poll(() => keys(heard)).toContain('then');
}

describe('watching', () => {
  it('goes on where it was when the connection breaks', async () => {
    const server = await startServer();
    const { url, cut } = await line(server.url);
    const { heard } = listen(url);
    await heardFirst(server.url, heard);
    cut();
    await put(server.url, 'meanwhile');
    await expect.poll(() => keys(heard)).toContain('meanwhile');
    cut();
    await put(server.url, 'last');
    await expect.poll(() => keys(heard)).toContain('last');
    const later = keys(heard).slice(keys(heard).indexOf('then'));
    expect(later).toEqual(['then', 'meanwhile', 'last']);
  });

  it('starts after an event that was seen', async () => {
    const server = await startServer();
    const first = listen(server.url);
    await heardFirst(server.url, first.heard);
    first.leave.abort();
    await put(server.url, 'missed');
    const { heard } = listen(server.url, first.heard.at(-1)?.id);
    await expect.poll(() => keys(heard)).toEqual(['missed']);
  });

  it('says reset where the server cannot tell what was missed: after its restart', async () => {
    const server = await startServer();
    const { url, way, cut } = await line(server.url);
    const { heard } = listen(url);
    await heardFirst(server.url, heard);
    way.target = (await startServer()).url;
    cut();
    await expect.poll(() => keys(heard).at(-1)).toBe('reset');
  });

  it('says reset itself when the connection breaks before anything was heard', async () => {
    const server = await startServer();
    const { url, way, cut } = await line(server.url);
    const { heard } = listen(url);
    await expect.poll(() => way.answeredBytes).toBeGreaterThan(0);
    cut();
    await expect.poll(() => heard).toEqual([{ id: undefined, type: 'reset', data: {} }]);
  });

  it('waits for a server that is away', async () => {
    const server = await startServer();
    const { url, way, cut } = await line(server.url);
    const { heard } = listen(url);
    await heardFirst(server.url, heard);
    way.target = 'http://127.0.0.1:1';
    way.connections = 0;
    cut();
    await expect.poll(() => way.connections).toBeGreaterThan(1);
    way.target = server.url;
    await put(server.url, 'back');
    await expect.poll(() => keys(heard).at(-1)).toBe('back');
  });

  it('ends with the reason of its signal', async () => {
    const { url } = await startServer();
    const { heard, end, leave } = listen(url);
    await heardFirst(url, heard);
    const reason = new Error('the operator left');
    leave.abort(reason);
    await expect(end).rejects.toBe(reason);
  });

  it('ends where the first connection fails, and where a later one is refused', async () => {
    await expect(listen('http://127.0.0.1:1').end).rejects.toMatchObject({
      code: 'server.unreachable',
    });
    const server = await startServer();
    const { url, cut } = await line(server.url);
    const { heard, end } = listen(url);
    await heardFirst(server.url, heard);
    await server.call('POST', '/api/tokens', { body: { name: 'ops', scope: 'full' } });
    cut();
    await expect(end).rejects.toMatchObject({ code: 'auth.required' });
  });
});
