// Requests on one connection that come before the earlier ones are answered.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { checkinPath } from '../../../src/server/routes/agent.ts';
import { actor } from '../../../src/server/running/actor.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin, startServer, wrapStore } from '../harness.ts';
import { exchange, send } from './hostile.ts';

const list = 'GET /api/settings?limit=1000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
const last = list.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');

const lastHealth = 'GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';

function checkinOf(body: object, token?: string): string {
  const text = JSON.stringify(body);
  const head = [
    `POST ${checkinPath} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    `Content-Length: ${text.length}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
  ];
  return `${head.join('\r\n')}\r\n\r\n${text}`;
}

it('are served one after another, so that one who never reads makes the server keep one answer', async () => {
  let lists = 0;
  const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
    if (name === 'settings.list') lists += 1;
    return operation(...args);
  });
  for (let n = 0; n < 30; n += 1)
    await store.settings.put({ key: `n${n}`, value: 'x'.repeat(60_000) });
  const server = await startServer({ store });
  await server.call('GET', '/api/health');
  lists = 0;
  const socket = await send(server, list.repeat(19) + last);
  const isStill = async (): Promise<boolean> => {
    const seen = lists;
    await sleep(100);
    return seen > 0 && seen === lists;
  };
  await expect.poll(isStill, { timeout: 20_000 }).toBe(true);
  expect(lists).toBeLessThan(10);
  let answers = 0;
  socket.on('data', (text) => {
    answers += String(text).split('HTTP/1.1 200 OK').length - 1;
  });
  socket.resume();
  await once(socket, 'close');
  expect([lists, answers]).toEqual([20, 20]);
});

it('are served one after another on the short way too', async () => {
  let underWay = 0;
  let most = 0;
  const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
    if (name !== 'machines.put') return operation(...args);
    most = Math.max(most, (underWay += 1));
    await sleep(20);
    underWay -= 1;
    return operation(...args);
  });
  const server = await startServer({ store });
  const requests = [1, 2, 3].map((n) => checkinOf(checkin(n)));
  const socket = await send(server, requests.join('') + last);
  let answers = '';
  socket.on('data', (text) => (answers += String(text)));
  socket.resume();
  await once(socket, 'close');
  const inOrder = [...answers.matchAll(/"machine_id":"([^"]*)"/g)].map(([, id]) => id);
  const { items } = await store.machines.list();
  const hosts = inOrder.map(
    (id) => items.find(({ value }) => value.id === id)?.value.config.hostname,
  );
  expect([most, hosts]).toEqual([1, ['host-1', 'host-2', 'host-3']]);
});

it('are answered on the short way where a store takes long to say who sent them', async () => {
  const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
    if (name === 'machines.get') await sleep(20);
    return operation(...args);
  });
  const enrolment = { name: 'agents', scope: 'enrol', expiresAt: null } as const;
  const enrol = await createToken(store, systemClock, enrolment);
  const known = async (n: number): Promise<string> => {
    const { body } = await first.call('POST', checkinPath, { body: checkin(n), token: enrol });
    return checkinOf(checkin(n), body.token);
  };
  const first = await startServer({ store });
  const requests = [await known(1), checkinOf(checkin(2), enrol)];
  // One that has seen no proof yet.
  const server = await startServer({ store });
  const socket = await send(server, requests.join('') + lastHealth);
  let answers = '';
  socket.on('data', (text) => (answers += String(text)));
  socket.resume();
  await once(socket, 'close');
  expect(answers.match(/"is_new":\w+|"status":"ok"/g)).toEqual([
    '"is_new":false',
    '"is_new":true',
    '"status":"ok"',
  ]);
});

it('are not taken without end', async () => {
  const server = await startServer();
  const socket = await send(server, list.repeat(5000));
  const closed = new Promise((resolve) => {
    socket.once('close', resolve);
  });
  socket.resume();
  await closed;
  expect((await server.call('GET', '/api/health')).status).toBe(200);
});

it('are not taken without end of many clients together, and are again once these are gone', async () => {
  const held = Promise.withResolvers<void>();
  const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
    if (name === 'settings.list') await held.promise;
    return operation(...args);
  });
  const server = await startServer({ store });
  const isCut: boolean[] = [];
  const sockets: Socket[] = [];
  for (let n = 0; n < 60; n += 1) {
    const socket = await send(server, list.repeat(100));
    socket.resume();
    socket.once('close', () => (isCut[n] = true));
    sockets.push(socket);
  }
  await expect.poll(() => isCut.filter(Boolean).length).toBeGreaterThan(5);
  expect(isCut[0]).toBeUndefined();
  for (const socket of sockets) socket.destroy();
  held.resolve();
  const next = await send(server, list.repeat(49) + last);
  let answers = '';
  next.on('data', (text) => (answers += String(text)));
  next.resume();
  await once(next, 'close');
  expect(answers.split('200 OK')).toHaveLength(51);
});

it('are not taken for those of the operator who sent the one before', async () => {
  const store = await openStore('memory:');
  const name = 'ops';
  const token = await createToken(store, systemClock, { name, scope: 'full', expiresAt: null });
  const actors: unknown[] = [];
  const server = await startServer({ store }, (app) => {
    const note = (): object => {
      actors.push(actor.getStore());
      return {};
    };
    app.put('/by-operators', note);
    app.put('/by-anybody', { config: { access: 'public' } }, note);
  });
  const put = (path: string, header: string): string =>
    `PUT ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${header}\r\nContent-Length: 0\r\n\r\n`;
  const first = put('/by-operators', `Authorization: Bearer ${token}`);
  const socket = await send(server, first + put('/by-anybody', 'Connection: close'));
  const closed = once(socket, 'close');
  socket.resume();
  await closed;
  expect(actors).toEqual([name, undefined]);
});

it('are answered whole by a server that ends meanwhile, and their connections end then', async () => {
  const text = 'x'.repeat(30 * 1024 * 1024);
  const goOn = Promise.withResolvers<string>();
  const asked = Promise.withResolvers<Socket>();
  const server = await startServer({}, (app) => {
    app.get('/large', { config: { access: 'public' } }, ({ socket }) => {
      asked.resolve(socket);
      return goOn.promise;
    });
  });
  const socket = await send(server, 'GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  const ofServer = await asked.promise;
  const ended = server.app.close();
  const health = async () => (await server.call('GET', '/api/health')).status;
  await expect.poll(health).toBe(503);
  goOn.resolve(text);
  await expect.poll(() => ofServer.writableLength).toBeGreaterThan(0);
  let received = 0;
  socket.on('data', (piece: Buffer) => (received += piece.length));
  const closed = once(socket, 'close');
  socket.resume();
  await Promise.all([closed, ended]);
  expect(received).toBeGreaterThan(text.length);
});

it('are answered with their own refusal by a server that ends meanwhile', async () => {
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
    if (name !== 'machines.put') return operation(...args);
    asked.resolve();
    await goOn.promise;
    throw new AppError('store.full', 'no space left');
  });
  const server = await startServer({ store });
  const socket = await send(server, checkinOf(checkin(1)));
  await asked.promise;
  const ended = server.app.close();
  await expect.poll(async () => (await server.call('GET', '/api/health')).status).toBe(503);
  goOn.resolve();
  const [answer] = await once(socket.resume(), 'data');
  expect(String(answer)).toContain('HTTP/1.1 507');
  await ended;
});

it('go out whole although the server closes while a slow reader has not got all', async () => {
  const text = 'x'.repeat(32 * 1024 * 1024);
  const server = await startServer({}, (app) => {
    app.get('/long', { config: { access: 'public' } }, () => text);
  });
  const request = 'GET /long HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
  const socket = await send(server, request);
  // It is all with Node once the first part is here, and does not fit between the two.
  await once(socket.resume(), 'data');
  socket.pause();
  const closed = server.app.close();
  const { status, headers, body } = await server.call('GET', '/api/health');
  expect([status, headers.get('retry-after'), body.code]).toEqual([503, '2', 'server.busy']);
  expect(headers.get('x-request-id')).toBe(body.request_id);
  let bytes = 0;
  socket.on('data', (part: Buffer) => (bytes += part.length));
  socket.resume();
  await once(socket, 'close');
  await closed;
  expect(bytes).toBeGreaterThan(31 * 1024 * 1024);
});

it('may take longer to go out than fastify gives a plugin to start', async () => {
  const text = 'x'.repeat(32 * 1024 * 1024);
  const server = await startServer({}, (app) => {
    app.get('/long', { config: { access: 'public' } }, () => text);
  });
  const socket = await send(server, 'GET /long HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await once(socket.resume(), 'data');
  socket.pause();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const closed = server.app.close();
  await vi.advanceTimersByTimeAsync(60_000);
  socket.destroy();
  await expect(closed).resolves.toBeUndefined();
});

it.each([
  ['a body that it does not announce', 'DELETE', ''],
  [
    'a longer body than it announces',
    'PUT',
    'content-type: application/json\r\ncontent-length: 13\r\n',
  ],
])('one with %s is answered as what it did', async (_how, method, headers) => {
  const server = await startServer();
  await server.call('PUT', '/api/settings/a', { body: { value: '0' } });
  const head = `${method} /api/settings/a HTTP/1.1\r\nhost: 127.0.0.1\r\n${headers}\r\n`;
  const text = await exchange(server.url, `${head}{"value":"1"}{"value":"2"}\r\n\r\n`);
  expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual([
    method === 'PUT' ? 'HTTP/1.1 200' : 'HTTP/1.1 204',
  ]);
});

it('what is no request does not get into the answer to the one before', async () => {
  const server = await startServer();
  const socket = await send(server, 'GET /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  let text = '';
  socket.on('data', (data) => (text += String(data))).resume();
  await expect.poll(() => text).toContain('text/event-stream');
  socket.write('no request\r\n\r\n');
  socket.write('nor is this\r\n\r\n');
  await server.call('PUT', '/api/settings/a', { body: { value: '0' } });
  await expect.poll(() => text).toContain('setting.changed');
  expect(text).not.toContain('not an HTTP request');
});
