// Speaks to a server at a link-local address, in a network namespace of its own. Prints the Host that it was asked for.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { systemClock } from '../../src/core/clock.ts';
import { ask } from '../../src/doctor/ask-server.ts';
import { download } from '../../src/transport/download.ts';
import { Requests } from '../../src/transport/requests.ts';

for (const line of ['link set lo up', 'address add fe80::7/64 dev lo nodad'])
  execFileSync('ip', line.split(' '));
const hosts: unknown[] = [];
const server = createServer(({ headers: { host } }, response) => {
  hosts.push(host);
  response.setHeader('content-type', 'application/json').end('{}');
});
server.listen(3000, 'fe80::7%lo');
await once(server, 'listening');
const { signal } = new AbortController();
const requests = new Requests('http://[fe80::7%25lo]:3000', {
  clock: systemClock,
  proxy: { http: 'http://127.0.0.1:1' },
});
await requests.send({ method: 'GET', path: 'api/health', signal, isRepeatable: true });
await requests.close();
const origin = 'http://[fe80::7]:3000';
const { close } = await download(`${origin}/image`, {}, signal, {
  clock: systemClock,
  trustedOrigins: [],
  zones: new Map([[origin, 'lo']]),
  userAgent: 'test',
});
close();
await ask(new URL(origin), signal, 'lo');
server.closeAllConnections();
server.close();
process.stdout.write(JSON.stringify(hosts));
