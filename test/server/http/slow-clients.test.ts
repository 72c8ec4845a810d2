// Clients that hold memory: bodies that are never finished, event streams that are never read.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { silentLog } from '../../../src/core/log.ts';
import { Held } from '../../../src/server/running/held.ts';
import { checkin, startServer } from '../harness.ts';
import { send } from './hostile.ts';

const kibibyte = 1024;

/** A log that keeps its warnings. */
function warnings() {
  const told: string[] = [];
  const warn = (_fields: object, text: string): void => void told.push(text);
  return { told, log: { ...silentLog, warn } };
}

it('bodies that are not finished take no more than a limit, and others get through', async () => {
  const { told, log } = warnings();
  const server = await startServer({ log, limits: { bodyBytes: 300 * kibibyte } });
  const head =
    'POST /api/agent/checkin HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n';
  const part = `{"mac":"${'y'.repeat(100 * kibibyte)}`;
  for (const length of ['content-length: 1000000', 'transfer-encoding: chunked']) {
    const chunk = length.startsWith('content') ? part : `fffff\r\n${part}`;
    const all = await Promise.all(
      Array.from({ length: 10 }, () => send(server, `${head}${length}\r\n\r\n${chunk}`)),
    );
    for (const socket of all) socket.resume();
    await expect.poll(() => all.filter(({ destroyed }) => destroyed).length).toBe(8);
    const problems = Array.from({ length: 100 }, () => ({
      source: 'x',
      path: '/',
      error: 'e'.repeat(500),
    }));
    const { status } = await server.call('POST', '/api/agent/checkin', {
      body: checkin(1, { problems }),
    });
    expect(status).toBe(200);
    for (const socket of all) socket.destroy();
  }
  expect(new Set(told)).toEqual(new Set(['a client that does not finish its request was cut off']));
});

it('bodies that are refused unread count for nobody', async () => {
  const { told, log } = warnings();
  const server = await startServer({ log, limits: { bodyBytes: 300 * kibibyte } });
  const head =
    'POST /api/agent/checkin HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: text/plain\r\n';
  const part = 'y'.repeat(100 * kibibyte);
  const answers: string[] = [];
  const all = await Promise.all(
    Array.from({ length: 10 }, () => send(server, `${head}content-length: 1000000\r\n\r\n${part}`)),
  );
  for (const socket of all) socket.on('data', (text) => answers.push(String(text))).resume();
  await expect.poll(() => answers.length).toBe(10);
  for (const socket of all) socket.write(part);
  expect((await server.call('POST', '/api/agent/checkin', { body: checkin(1) })).status).toBe(200);
  expect(answers.every((text) => text.startsWith('HTTP/1.1 415 '))).toBe(true);
  expect([told, all.filter(({ destroyed }) => destroyed)]).toEqual([[], []]);
});

it(
  'event streams that are not read take no more than a limit together',
  { timeout: 60_000 },
  async () => {
    const { told, log } = warnings();
    const server = await startServer({ log, limits: { unreadBytes: 200 * kibibyte } });
    const closed: unknown[] = [];
    server.app.server.on('request', ({ url, socket }) => {
      if (url === '/api/events') socket.once('close', () => closed.push(url));
      // The bytes that the operating system takes say nothing of the server.
      if (url === '/api/events') socket.cork();
    });
    for (let n = 0; n < 4; n += 1)
      await send(server, 'GET /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
    for (let n = 0; closed.length === 0 && n < 3000; n += 1) {
      await server.call('POST', '/api/agent/checkin', { body: checkin(n) });
    }
    expect(closed).toEqual(['/api/events']);
    expect(told).toEqual(['a client that does not read its answer was cut off']);
  },
);

it('all that is held is looked at each time that one has grown by a step', () => {
  const held = new Held(new ManualClock(new Date('2026-06-01T12:00:00Z')), 1e9);
  let looks = 0;
  held.add({
    address: '192.0.2.1',
    get bytes() {
      looks += 1;
      return 0;
    },
    cut: () => {},
  });
  const growing = { address: '192.0.2.2', bytes: 0, cut: () => {} };
  held.add(growing);
  const grow = (): void => {
    for (; growing.bytes < 64 * kibibyte; growing.bytes += 16) held.grown(growing);
  };
  grow();
  expect(looks).toBe(3);
  // It was read off.
  growing.bytes = 0;
  held.grown(growing);
  grow();
  expect(looks).toBe(6);
});

it('a host that gives itself many addresses of IPv6 is one of those who hold', () => {
  const held = new Held(new ManualClock(new Date('2026-06-01T12:00:00Z')), 100);
  held.add({ address: '192.0.2.1', bytes: 20, cut: () => {} });
  for (let n = 1; n <= 8; n += 1) held.add({ address: `2001:db8::${n}`, bytes: 11, cut: () => {} });
  expect(held.bound()).toEqual([{ address: '2001:db8::1', bytes: 11 }]);
});

it('those are cut off who hold the most for the longest, where the most is held', async () => {
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const held = new Held(clock, 100);
  const cut: string[] = [];
  const hold = async (address: string, name: string, bytes: number) => {
    held.add({ address, bytes, cut: () => void cut.push(name) });
    await clock.advance(1000);
  };
  // A slow operator was there before all others.
  await hold('192.0.2.1', 'operator', 20);
  await hold('198.51.100.1', 'one', 30);
  await hold('198.51.100.1', 'two', 30);
  expect(held.bound()).toEqual([]);
  await hold('198.51.100.1', 'three', 15);
  expect(held.bound(10)).toEqual([{ address: '198.51.100.1', bytes: 30 }]);
  await hold('203.0.113.1', 'four', 60);
  held.bound();
  expect(cut).toEqual(['one', 'four']);
});
