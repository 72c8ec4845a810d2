// Many large answers at once, and clients that do not read them.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../../src/core/errors.ts';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { silentLog } from '../../../src/core/log.ts';
import { LargeAnswers } from '../../../src/server/http/large-answers.ts';
import { Held } from '../../../src/server/running/held.ts';
import { StoreHealth } from '../../../src/server/running/store-health.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin, startServer, wrapStore } from '../harness.ts';

async function ask(url: string, path: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.pause();
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  return socket;
}

async function read(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (part) => (text += String(part)));
  socket.resume();
  await once(socket, 'close');
  return text;
}

it('a client that comes after many who ask for pages does not wait for all of these', async () => {
  const store = await openStore('memory:');
  for (let n = 0; n < 30; n += 1)
    await store.settings.put({ key: `n${n}`, value: 'x'.repeat(20_000) });
  const server = await startServer({ store });
  let pages = 0;
  const readers = Array.from({ length: 40 }, async () => {
    const text = await read(await ask(server.url, '/api/settings?limit=1000'));
    pages += 1;
    return text.length;
  });
  const health = await read(await ask(server.url, '/api/health'));
  const before = pages;
  expect(health).toContain('"ok"');
  expect(before).toBeLessThan(20);
  const sizes = new Set(await Promise.all(readers));
  expect(Math.min(...sizes)).toBeGreaterThan(600_000);
});

it('clients that wait for others, whom the store did not answer, are not kept for as long once more', async () => {
  const clock = new ManualClock(new Date());
  const hung: (() => void)[] = [];
  let hangs = false;
  const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
    if (!hangs || name !== 'machines.list') return operation(...args);
    await new Promise<void>((resolve) => hung.push(resolve));
    throw new AppError('store.unavailable', 'etcd does not answer');
  });
  const server = await startServer({ store, clock });
  const list = async () => (await server.call('GET', '/api/machines')).status;
  expect(await list()).toBe(200);
  hangs = true;
  const asking = async (count: number): Promise<Promise<number>[]> => {
    const requests: unknown[] = [];
    const note = (request: unknown): unknown => requests.push(request);
    server.app.server.on('request', note);
    const answers = Array.from({ length: count }, list);
    await expect.poll(() => requests.length).toBe(count);
    server.app.server.off('request', note);
    return answers;
  };
  const early = await asking(30);
  await expect.poll(() => hung.length).toBe(8);
  await clock.advance(14_000);
  const late = await asking(2);
  await clock.advance(1000);
  for (const fail of hung.splice(0)) fail();
  expect(await Promise.all(early)).toEqual(early.map(() => 503));
  // They ask for themselves: the store may be back.
  await expect.poll(() => hung.length).toBe(late.length);
  hangs = false;
  for (const fail of hung) fail();
  expect(await Promise.all(late)).toEqual([503, 503]);
  expect(await list()).toBe(200);
});

it('clients that wait for lines of a log keep nobody from a page', async () => {
  const server = await startServer();
  const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
  let ended = 0;
  for (let n = 0; n < 8; n += 1) {
    const arrived = once(server.app.server, 'request');
    const socket = await ask(server.url, `/api/machines/${body.machine_id}/logs?wait=5`);
    socket.once('close', () => (ended += 1)).resume();
    await arrived;
  }
  expect((await server.call('GET', '/api/machines')).status).toBe(200);
  expect(ended).toBe(0);
});

it('clients that do not read their answers are cut off where these take too much, and others get theirs', async () => {
  const mebibyte = 1024 * 1024;
  const limits = { unread: new Held(systemClock, 20 * mebibyte) };
  const storeHealth = new StoreHealth(systemClock);
  const large = new LargeAnswers({ limits, log: silentLog, clock: systemClock, storeHealth });
  const app = fastify({ forceCloseConnections: true });
  onTestFinished(() => app.close());
  app.addHook('onRoute', (route) => large.bound(route));
  app.get('/large', () => 'x'.repeat(16 * mebibyte));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const cut: number[] = [];
  const answered: Promise<unknown>[] = [];
  app.server.on('request', ({ socket }) => {
    const nth = answered.push(once(socket, 'close'));
    socket.once('close', () => cut.push(nth));
  });
  await ask(url, '/large');
  await expect.poll(() => answered.length).toBe(1);
  await ask(url, '/large');
  await expect.poll(() => cut).toEqual([1]);
  const whole = await read(await ask(url, '/large'));
  expect(whole.length).toBeGreaterThan(16 * mebibyte);
  expect(cut.slice(0, 2)).toEqual([1, 2]);
});
