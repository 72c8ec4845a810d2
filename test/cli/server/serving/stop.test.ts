// The end of a server that others still have connections to.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { stop } from '../../../../src/cli/server/serving/stop.ts';
import { Waiting } from '../../../../src/cli/server/serving/waiting.ts';
import { openStore } from '../../../../src/store/open.ts';
import { checkin, startServer } from '../../../server/harness.ts';
import { temporaryDirectory } from '../../../store/backends.ts';
import { checkinOf, ServerProcess } from '../../../store/server-process.ts';
import { hasOpenssl, TestCa } from '../../../transport/test-ca.ts';

it('writes everything, and waits neither for a receiver of another protocol nor for a reader that was answered', async () => {
  const sockets: Socket[] = [];
  const receiver = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    socket.write('HTTP/1.1 101 Other\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    receiver.close();
  });
  // A TCP server that listens has a port.
  const { port } = receiver.address() as AddressInfo;
  const args = ['--webhook-networks', '127.0.0.1'];
  const server = await ServerProcess.start('memory:', { level: 'info', args });
  onTestFinished(() => server.kill());
  const post = async (path: string, body: object) => {
    const headers = { 'content-type': 'application/json' };
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    return (await fetch(`${server.url}${path}`, request)).json();
  };
  await post('/api/webhooks', { name: 'odd', url: `http://127.0.0.1:${port}/` });
  const { machine_id: id } = Object(await post('/api/agent/checkin', checkinOf(1)));
  const reader = connect(Number(new URL(server.url).port), '127.0.0.1');
  sockets.push(reader);
  reader.write(`GET /api/machines/${id}/logs?wait=25 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  await expect.poll(() => sockets.length).toBeGreaterThan(1);
  const startedMs = performance.now();
  const { code, log } = await server.stop();
  // After 8 s it would cut all connections.
  expect(performance.now() - startedMs).toBeLessThan(7000);
  expect([code, log.trimEnd().split('\n').at(-1)]).toEqual([
    0,
    expect.stringContaining('everything is written'),
  ]);
  // It answers, and closes the connection that its reader would keep.
  expect(await once(reader, 'data')).toBeDefined();
});

/** A server with TLS, and what opens connections to it. */
async function secureServer() {
  const ca = new TestCa();
  onTestFinished(() => {
    ca.remove();
  });
  const tls = ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01');
  const { app, url } = await startServer({ tls, store: await openStore('memory:') });
  const port = Number(new URL(url).port);
  const opened = <T extends Socket>(socket: T): T => {
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const raw = async (...bytes: readonly number[]): Promise<Socket> => {
    const arrived = once(app.server, 'connection');
    const socket = opened(connect(port, '127.0.0.1'));
    socket.write(Buffer.from(bytes));
    const [there]: Socket[] = await arrived;
    await expect.poll(() => there?.bytesRead).toBe(bytes.length);
    return socket;
  };
  const secure = async (): Promise<TLSSocket> => {
    const socket = opened(connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }));
    await once(socket, 'secureConnect');
    return socket;
  };
  return { app, raw, secure };
}

/** Lets pass the first that TLS sends, and nothing after it. */
function onlyHello(socket: Socket): Duplex {
  let isSaid = false;
  return new Duplex({
    read: () => {},
    write(bytes: Buffer, _encoding, done) {
      if (!isSaid) socket.write(bytes);
      isSaid = true;
      done();
    },
  });
}

it.skipIf(!hasOpenssl)(
  'waits for no connection of TLS that asks nothing (needs openssl)',
  async () => {
    const { app, raw, secure } = await secureServer();
    const connections = [await raw(), await secure()];
    const ended = Promise.all(connections.map((socket) => once(socket.resume(), 'close')));
    await stop(app, { boots: undefined, waiting: new Waiting() }, 600_000);
    expect(await ended).toHaveLength(2);
  },
);

it.skipIf(!hasOpenssl)(
  'ends each handshake of TLS with the last request, which has its time (needs openssl)',
  async () => {
    const { app, raw, secure } = await secureServer();
    // The first bytes of a ClientHello, and all of one.
    const begun = await raw(0x16, 3, 1, 2, 0, 1);
    const stalled = await raw();
    const saidMore = once(stalled, 'data');
    connectTls({ socket: onlyHello(stalled), rejectUnauthorized: false }).on('error', () => {});
    await saidMore;
    const ended = Promise.all([begun, stalled].map((socket) => once(socket.resume(), 'close')));
    const body = JSON.stringify(checkin(1));
    const asked = once(app.server, 'request');
    const asking = await secure();
    asking.write(
      `POST /api/agent/checkin HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    await asked;
    const isStopped = stop(app, { boots: undefined, waiting: new Waiting() }, 3000);
    asking.write(body);
    expect(String((await once(asking, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /);
    await Promise.all([isStopped, ended]);
  },
);

const canUnshare = spawnSync('unshare', ['-mn', 'ip', 'link', 'set', 'lo', 'up']).status === 0;

it.skipIf(!canUnshare)('does not wait for a resolver that does not answer (needs root)', () => {
  const file = join(temporaryDirectory(), 'resolv.conf');
  writeFileSync(file, 'nameserver 127.0.0.9\noptions timeout:5 attempts:2\n');
  const within = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && exec "$2" "$3"';
  const program = join(import.meta.dirname, 'hanging-resolver.ts');
  const { stdout, stderr } = spawnSync(
    'unshare',
    ['-mn', 'sh', '-c', within, 'sh', file, process.execPath, program],
    { encoding: 'utf8', timeout: 60_000 },
  );
  expect([stdout, stderr]).toEqual(['[0,true]', '']);
});
