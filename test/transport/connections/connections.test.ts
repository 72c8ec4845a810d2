// A server's treatment of an agent's connections: keep them, close them at the worst moment, answer
// too much or never.
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { against, againstBytes, ok } from './raw-server.ts';

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
