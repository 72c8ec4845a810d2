// Speaks to servers at a link-local address, in a network namespace of its own. Prints the Hosts that they were asked for,
// and what became of one whose certificate names another address.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { systemClock } from '../../src/core/clock.ts';
import { ask } from '../../src/doctor/ask-server.ts';
import { download } from '../../src/transport/download.ts';
import { Requests } from '../../src/transport/requests.ts';
import { TestCa } from './test-ca.ts';

// The silent port delivers, but nobody behind it answers.
const silent = [
  'link add silent type veth peer name nobody',
  'link set nobody up',
  'link set silent up',
  'address add fe80::8/64 dev silent nodad',
  'neighbour add fe80::7 lladdr 02:00:00:00:00:07 dev silent',
];
for (const line of ['link set lo up', 'address add fe80::7/64 dev lo nodad', ...silent])
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
  // Nobody answers at the first port.
  zones: new Map([[origin, ['silent', 'lo']]]),
  userAgent: 'test',
});
close();
await ask(new URL(origin), signal, 'lo');
server.closeAllConnections();
server.close();

const ca = new TestCa();
/** The code of the refusal of a server whose certificate has this name. */
async function overTls(name: string, port: number): Promise<string | undefined> {
  const secure = createSecureServer(ca.issue(name, '2020-01-01', '2040-01-01'), (_, response) => {
    response.setHeader('content-type', 'application/json').end('{}');
  });
  secure.listen(port, 'fe80::7%lo');
  await once(secure, 'listening');
  const url = `https://[fe80::7%25lo]:${port}`;
  const trusting = new Requests(url, { clock: systemClock, ca: ca.pem });
  try {
    await trusting.send({ method: 'GET', path: 'api/health', signal, isRepeatable: true });
    return 'answered';
  } catch (err) {
    return String(Object(err).code);
  } finally {
    await trusting.close();
    secure.closeAllConnections();
    secure.close();
  }
}
hosts.push(await overTls('IP:fe80::7', 3001), await overTls('IP:fe80::8', 3002));
ca.remove();
process.stdout.write(JSON.stringify(hosts));
