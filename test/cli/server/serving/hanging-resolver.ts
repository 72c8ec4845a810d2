// A server with webhooks whose names a resolver never answers for, and its end. Run in a network and with an
// /etc/resolv.conf of its own, which names 127.0.0.9. Prints the exit code, and whether the end came soon.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ServerProcess } from '../../../store/server-process.ts';

const resolver = createSocket('udp4').bind(53, '127.0.0.9');
const isAsked = once(resolver, 'message');
const server = await ServerProcess.start('memory:');
for (const name of ['one', 'two', 'three']) {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ name, url: `http://${name}.hanging.example/` });
  await fetch(`${server.url}/api/webhooks`, { method: 'POST', headers, body });
  await fetch(`${server.url}/api/webhooks/${name}/test`, { method: 'POST' });
}
await isAsked;
const startedMs = performance.now();
const { code } = await server.stop();
// A resolver is given up after five seconds at the earliest.
process.stdout.write(JSON.stringify([code, performance.now() - startedMs < 4000]));
resolver.close();
