// Clients that say that they ask no more, as `nc -N` and some proxies do, and wait for their answer.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { checkin, startServer, type TestServer } from '../harness.ts';

const longest = { timeout: 20_000, interval: 20 };

/** Sends a request and the end of all requests in one. What comes is collected in `text`. */
async function ask({ url }: TestServer, head: string, body = '') {
  const socket: Socket = connect({
    port: Number(new URL(url).port),
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  onTestFinished(() => void socket.destroy());
  const got = { socket, text: '' };
  socket.on('data', (part: Buffer) => (got.text += part.toString()));
  await once(socket, 'connect');
  const length =
    body === '' ? '' : `content-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  socket.end(`${head} HTTP/1.1\r\nhost: 127.0.0.1\r\n${length}\r\n${body}`);
  return got;
}

/** The number of answers that were closed. */
function closedAnswers({ app }: TestServer): () => number {
  let closed = 0;
  app.server.on('request', (_, response) => response.once('close', () => (closed += 1)));
  return () => closed;
}

async function answerTo(...asked: Parameters<typeof ask>): Promise<string> {
  const got = await ask(...asked);
  await once(got.socket, 'close');
  return got.text;
}

it('get the whole of it, and a reader of a log what there is', async () => {
  const server = await startServer();
  for (let n = 0; n < 40; n += 1)
    await server.store.settings.put({ key: `n${n}`, value: 'x'.repeat(60_000) });
  await server.call('PUT', '/api/settings/a', { body: { value: '1' } });
  const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
  const backup = await answerTo(server, 'GET /api/backup');
  expect(backup).toMatch(/"sha256":"\w+"\}\s+0\s+$/);
  expect(backup.length).toBeGreaterThan(2_400_000);
  expect(await answerTo(server, 'GET /api/audit/export')).toMatch(/settings\.put.*\s0\r\n\r\n$/s);
  expect(await answerTo(server, 'GET /api/settings?limit=100')).toMatch(/^HTTP\/1\.1 200 .*\}$/s);
  const again = JSON.stringify(checkin(2));
  expect(await answerTo(server, 'POST /api/agent/checkin', again)).toContain('machine_id');
  const log = `GET /api/machines/${String(body.machine_id)}/logs?wait=25`;
  expect(await answerTo(server, log)).toContain('"lines":[]');
});

it('hear events, and are forgotten once they are gone', async () => {
  const server = await startServer();
  const closed = closedAnswers(server);
  const [stays, goes] = [
    await ask(server, 'GET /api/events'),
    await ask(server, 'GET /api/events'),
  ];
  await expect.poll(() => goes.text, longest).toContain('still here');
  goes.socket.destroy();
  const before = closed();
  await server.call('PUT', '/api/settings/a', { body: { value: '1' } });
  await expect.poll(() => stays.text, longest).toContain('setting.changed');
  // That of the setting, and that of the reader who went.
  await expect.poll(() => closed() - before, longest).toBe(2);
  expect(stays.socket.destroyed).toBe(false);
});

it('and one whose connection is reset ends no server', async () => {
  const server = await startServer();
  const closed = closedAnswers(server);
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write('GET /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  await once(socket, 'data');
  socket.resetAndDestroy();
  await expect.poll(closed, longest).toBe(1);
});
