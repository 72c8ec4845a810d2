// Run inside a network namespace by networks.test.ts: a server on every address, and an HTTP proxy. Says
// "ready" when both listen; a line on its input is answered with the records as JSON.
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { startServer } from './server.ts';

const { store } = await startServer(
  { publicUrl: 'http://boot.lab.test:3000' },
  { host: '::', port: 3000 },
);

const proxy = createServer((incoming, response) => {
  const { method, headers } = incoming;
  const onward = request(incoming.url ?? '', { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, { ...answer.headers, via: '1.1 test' });
    answer.pipe(response);
  });
  onward.on('error', () => response.writeHead(502).end());
  incoming.pipe(onward);
});
proxy.on('connect', (incoming, socket) => {
  const [host, port] = (incoming.url ?? '').split(':');
  const onward = connect(Number(port), host, () => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    onward.pipe(socket).pipe(onward);
  });
  onward.on('error', () => socket.destroy());
});
proxy.listen(3128, '::', () => process.stdout.write('ready\n'));

for await (const _ of createInterface({ input: process.stdin })) {
  const { items } = await store.machines.list();
  process.stdout.write(`${JSON.stringify(items.map((m) => m.value))}\n`);
}
