// A server that listens on localhost, which has two addresses.
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type PeerCertificate } from 'node:tls';
import { expect, it, onTestFinished, vi } from 'vitest';
import { listen } from '../../../../src/cli/server/serving/listen.ts';
import { systemClock } from '../../../../src/core/clock.ts';
import { createApp, type AppOptions, type Routes } from '../../../../src/server/app.ts';
import { renewTls } from '../../../../src/server/http/connections.ts';
import { openStore } from '../../../../src/store/open.ts';
import { hasOpenssl, TestCa } from '../../../transport/test-ca.ts';

const hosts = ['127.0.0.1', '::1'];

// Hosts differ in which of the two it has.
vi.mock(import('../../../../src/transport/names.ts'), async (original) => ({
  ...(await original()),
  addressesOf: () => Promise.resolve(['127.0.0.1', '::1', '192.0.2.1']),
}));

async function start(options: Partial<AppOptions> = {}, ...more: readonly Routes[]) {
  const store = await openStore('memory:');
  const app = await createApp({ store, clock: systemClock, ...options }, more);
  onTestFinished(async () => {
    app.server.closeAllConnections();
    await app.close();
    await store.close();
  });
  const { url } = await listen(app.server, 'localhost', 0);
  return { app, port: Number(new URL(url).port) };
}

/** All that comes in answer to a request, until its connection ends. */
async function answer(host: string, port: number, text: string): Promise<string> {
  const socket = connectTcp(port, host);
  socket.write(text);
  let all = '';
  socket.on('data', (part) => (all += String(part)));
  await once(socket, 'close');
  return all;
}

it('answers at both as one, whatever is asked, and passes over one that the host lacks', async () => {
  const { app, port } = await start();
  const servers = new Set<unknown>();
  app.server.on('request', ({ socket }) => servers.add(Object(socket).server));
  const ask = (host: string) =>
    answer(
      host,
      port,
      'GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n' +
        'GET /api/health HTTP/1.1\r\nHost: localhost\r\nExpect: more\r\nConnection: close\r\n\r\n',
    );
  for (const host of hosts) {
    const said = await ask(host);
    expect(said).toContain('HTTP/1.1 200 OK\r\n');
    expect(said).toContain('keep-alive: timeout=75\r\n');
    expect(said).toContain('HTTP/1.1 400 Bad Request\r\n');
    expect(said).toContain('expects more than 100-continue');
  }
  expect([...servers]).toEqual([app.server]);
  expect(app.server.timeout).toBe(120_000);
});

it.skipIf(!hasOpenssl)('shows a renewed certificate at both (needs openssl)', async () => {
  const ca = new TestCa();
  onTestFinished(() => {
    ca.remove();
  });
  const issue = () => ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01');
  const { app, port } = await start({ tls: issue() });
  const shown = async (host: string): Promise<PeerCertificate> => {
    const socket = connect({ host, port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.end();
    return socket.getPeerCertificate();
  };
  const serials = async () =>
    Promise.all(hosts.map(async (host) => (await shown(host)).fingerprint));
  const [first, ...others] = await serials();
  expect(others).toEqual([first]);
  renewTls(app.server, issue());
  const [renewed, ...also] = await serials();
  expect(also).toEqual([renewed]);
  expect(renewed).not.toBe(first);
});

it('ends at both once all is answered', async () => {
  const asked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<string>();
  const { app, port } = await start({}, (made) => {
    made.get('/slow', { config: { access: 'public' } }, () => {
      asked.resolve();
      return goOn.promise;
    });
  });
  const slow = answer('::1', port, 'GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await asked.promise;
  let isClosed = false;
  const closed = app.close().then(() => (isClosed = true));
  expect(await answer('::1', port, 'GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')).toContain(
    'HTTP/1.1 503 ',
  );
  expect(isClosed).toBe(false);
  goOn.resolve('done');
  expect(await slow).toContain('\r\n\r\ndone');
  await closed;
  for (const host of hosts) {
    await expect(answer(host, port, '')).rejects.toThrow('ECONNREFUSED');
  }
});
