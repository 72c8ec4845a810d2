import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../src/core/clock.ts';
import { download } from '../../src/transport/download.ts';

/** Each request as it arrived: path, and the user and password that came with it. */
const asked: string[] = [];
const servers: Server[] = [];

async function serve(
  host: string,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer((request, response) => {
    const [, encoded = ''] = (request.headers.authorization ?? '').split(' ');
    asked.push(`${request.url} ${Buffer.from(encoded, 'base64').toString('utf8')}`.trim());
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  // A server that listens on TCP has an address with a port.
  return (server.address() as AddressInfo).port;
}

async function get(url: string): Promise<string> {
  const answer = await download(url, {}, new AbortController().signal, {
    clock: systemClock,
    trustedOrigins: [],
    userAgent: 'test',
  });
  let text = '';
  for await (const chunk of answer.body) text += Buffer.from(chunk).toString('utf8');
  answer.close();
  return `${answer.status} ${text}`;
}

describe('a file of a server', () => {
  let port = 0;
  let other = 0;
  beforeAll(async () => {
    other = await serve('::1', (_, response) => response.end('other'));
    const locations: Record<string, string> = {
      '/here': '/image?part=1',
      '/there': `http://[::1]:${other}/image`,
      '/named': `http://eve:other@[::1]:${other}/image`,
      '/utf8': Buffer.from('/bär').toString('latin1'),
      '/disk': 'file:///etc/passwd',
      '/round': '/round',
    };
    port = await serve('127.0.0.1', ({ url = '' }, response) => {
      const location = locations[url];
      if (location === undefined) response.end('own');
      else response.writeHead(302, { location }).end();
    });
  });
  afterAll(async () => {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    }
  });

  it.each([
    ['/here', '200 own', '/image?part=1 ada:p@ss'],
    ['/there', '200 other', '/image'],
    ['/named', '200 other', '/image eve:other'],
    ['/utf8', '200 own', '/b%C3%A4r ada:p@ss'],
  ])(
    'is found where %s leads, and another server is told no password of it',
    async (path, ...wanted) => {
      const answer = await get(`http://ada:p%40ss@127.0.0.1:${port}${path}`);
      expect([answer, asked.at(-1)]).toEqual(wanted);
    },
  );

  it.each([
    ['/disk', 'not a web address'],
    ['/round', 'in circles'],
  ])('is not looked for where %s leads: %s', async (path, why) => {
    await expect(get(`http://127.0.0.1:${port}${path}`)).rejects.toThrow(why);
  });

  it('is not asked for with a password that cannot be sent', async () => {
    const before = asked.length;
    await expect(get(`http://ada:100%@127.0.0.1:${port}/image`)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.not.stringContaining('100'),
    });
    expect(asked.length).toBe(before);
  });

  it('is given up while its server is silent, at once and with the connection', async () => {
    // It takes connections, and never speaks TLS.
    const silent = createTcpServer((socket) => socket.resume().on('error', () => {}));
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const taken = once(silent, 'connection');
    // A server that listens on TCP has an address with a port.
    const { port: silentPort } = silent.address() as AddressInfo;
    const unwanted = new AbortController();
    const answer = download(`https://127.0.0.1:${silentPort}`, {}, unwanted.signal, {
      // No time limit ends the wait.
      clock: new ManualClock(new Date('2026-01-02T03:04:05Z')),
      trustedOrigins: [],
      userAgent: 'test',
    });
    await taken;
    unwanted.abort(new Error('no longer wanted'));
    await expect(answer).rejects.toThrow('no longer wanted');
    await new Promise((resolve) => {
      silent.close(resolve);
    });
  });
});
