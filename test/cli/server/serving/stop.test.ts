// The end of a server that others still have connections to.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../../store/backends.ts';
import { checkinOf, ServerProcess } from '../../../store/server-process.ts';

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
  // After 10 s it would cut all connections.
  expect(performance.now() - startedMs).toBeLessThan(8000);
  expect([code, log.trimEnd().split('\n').at(-1)]).toEqual([
    0,
    expect.stringContaining('everything is written'),
  ]);
  // It answers, and closes the connection that its reader would keep.
  expect(await once(reader, 'data')).toBeDefined();
});

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
