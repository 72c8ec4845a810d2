// The one who answers while the data is checked has what the server will have: its certificate, its addresses, its port.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { connect } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Waiting } from '../../../../src/cli/server/serving/waiting.ts';
import { hasOpenssl, TestCa } from '../../../transport/test-ca.ts';

vi.mock(import('../../../../src/transport/names.ts'), async (original) => ({
  ...(await original()),
  addressesOf: () => Promise.resolve(['127.0.0.1', '::1', '192.0.2.1']),
}));

const place = { host: 'localhost', port: 0, tls: undefined, connectionsPerAddress: 10 };

it('answers at both addresses of localhost until a server takes its place, and refuses nobody meanwhile', async () => {
  const waiting = new Waiting();
  const server = createServer((_request, response) => response.end('of the server'));
  expect(await waiting.handOver(server)).toBeUndefined();
  const url = await waiting.listen(place);
  const { port } = new URL(url);
  waiting.progress(0.426);
  const urls = ['127.0.0.1', '[::1]'].map((host) => `http://${host}:${port}/api/ready?x`);
  const asked = async () => (await Promise.all(urls.map((one) => fetch(one)))).map((r) => r.status);
  const ready = await fetch(url + '/api/ready');
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining(': 42 % of')]);
  const statuses: number[] = [];
  const asking = (async () => {
    do statuses.push(...(await asked()));
    while (!server.listening || statuses.length < 8);
  })();
  // In the middle of its request.
  const slow = connect(Number(port), '127.0.0.1');
  slow.write('GET /api/health HTTP/1.1\r\nHost: a\r\n');
  await once(slow, 'connect');
  await expect.poll(() => statuses.length).toBeGreaterThan(2);
  expect(await waiting.handOver(server)).toBe(url);
  onTestFinished(() => void server.close());
  await asking;
  expect(new Set(statuses)).toEqual(new Set([503]).add(statuses.at(-1) ?? 0));
  expect(await asked()).toEqual([200, 200]);
  slow.write('\r\n');
  expect(String((await once(slow, 'data'))[0])).toMatch(
    /\r\nconnection: close\r\n.*of the server/is,
  );
  // The port is the server's, and ends with it.
  server.close();
  waiting.end();
  await expect(asked()).rejects.toThrow('fetch failed');
});

it.skipIf(!hasOpenssl)('shows the certificate of the server (needs openssl)', async () => {
  const ca = new TestCa();
  onTestFinished(() => {
    ca.remove();
  });
  const waiting = new Waiting();
  onTestFinished(() => {
    waiting.end();
  });
  const tls = ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01');
  const url = await waiting.listen({ ...place, host: '127.0.0.1', tls });
  expect(url).toMatch(/^https:/);
  const sent = get(`${url}/api/health`, { rejectUnauthorized: false });
  const [response]: IncomingMessage[] = await once(sent, 'response');
  expect(response?.resume().statusCode).toBe(200);
});

it.skipIf(!hasOpenssl)(
  'ends connections that never begin their handshake of TLS (needs openssl)',
  async () => {
    const ca = new TestCa();
    onTestFinished(() => {
      ca.remove();
    });
    const waiting = new Waiting();
    const tls = ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01');
    const { port } = new URL(await waiting.listen({ ...place, host: '127.0.0.1', tls }));
    const silent = connect(Number(port), '127.0.0.1').resume();
    await once(silent, 'connect');
    // A connection after it shows that it was taken.
    const asked = get(`https://127.0.0.1:${port}/`, { rejectUnauthorized: false, agent: false });
    const [response]: IncomingMessage[] = await once(asked, 'response');
    response?.resume();
    const closed = once(silent, 'close');
    waiting.end();
    expect(await closed).toEqual([false]);
  },
);

it('listens nowhere where one address of localhost is taken', async () => {
  const taken = createServer().listen(0, '::1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = Object(taken.address());
  const waiting = new Waiting();
  await expect(waiting.listen({ ...place, port })).rejects.toMatchObject({
    code: 'config.invalid',
  });
  // As its end does: the process would go on for ever with a port that listens.
  waiting.end();
  await expect(fetch(`http://127.0.0.1:${port}/api/health`)).rejects.toThrow('fetch failed');
});

it('that cannot listen says so as the server would', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = Object(taken.address());
  await expect(new Waiting().listen({ ...place, host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'config.invalid',
    message: expect.stringContaining('choose another with --listen'),
  });
});
