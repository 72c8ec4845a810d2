// The one who answers while the data is checked has what the server will have: its certificate, its addresses, its port.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Waiting } from '../../../../src/cli/server/serving/waiting.ts';
import { hasOpenssl, TestCa } from '../../../transport/test-ca.ts';

vi.mock(import('../../../../src/transport/names.ts'), async (original) => ({
  ...(await original()),
  addressesOf: () => Promise.resolve(['127.0.0.1', '::1', '192.0.2.1']),
}));

const place = { host: 'localhost', port: 0, tls: undefined, connectionsPerAddress: 10 };

it('answers at both addresses of localhost, and frees both while connections are open', async () => {
  const waiting = new Waiting();
  expect(await waiting.end()).toBeUndefined();
  const { port } = new URL(await waiting.listen(place));
  waiting.progress(0.426);
  for (const host of ['127.0.0.1', '[::1]']) {
    expect((await fetch(`http://${host}:${port}/api/health?x`)).status).toBe(200);
    const ready = await fetch(`http://${host}:${port}/api/ready`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining(': 42 % of')]);
  }
  expect(await waiting.end()).toBe(Number(port));
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer().listen(Number(port), host);
    await once(server, 'listening');
    server.close();
  }
});

it.skipIf(!hasOpenssl)('shows the certificate of the server (needs openssl)', async () => {
  const ca = new TestCa();
  onTestFinished(() => {
    ca.remove();
  });
  const waiting = new Waiting();
  onTestFinished(async () => void (await waiting.end()));
  const tls = ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01');
  const url = await waiting.listen({ ...place, host: '127.0.0.1', tls });
  expect(url).toMatch(/^https:/);
  const sent = get(`${url}/api/health`, { rejectUnauthorized: false });
  const [response]: IncomingMessage[] = await once(sent, 'response');
  expect(response?.resume().statusCode).toBe(200);
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
