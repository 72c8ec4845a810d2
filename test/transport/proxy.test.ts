import { createServer, request, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { classifyFailure } from '../../src/transport/failure.ts';
import { PinnedTrust } from '../../src/transport/pinned-trust.ts';
import { proxyFor, proxyFrom } from '../../src/transport/proxy.ts';
import { HttpTransport, type HttpTransportOptions } from '../../src/transport/transport.ts';
import { systemClock } from '../../src/core/clock.ts';
import { startServer } from '../agent/server.ts';
import { hasOpenssl, TestCa } from './test-ca.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** Leads every name to this host, as a resolver at the proxy's place would. */
async function startProxy(onConnect?: (socket: Duplex) => void) {
  const seen: { line: string; auth: string | undefined }[] = [];
  const note = ({ method, url, headers }: IncomingMessage): void => {
    seen.push({ line: `${method ?? ''} ${url ?? ''}`, auth: headers['proxy-authorization'] });
  };
  const proxy = createServer((incoming, response) => {
    note(incoming);
    const { method, headers } = incoming;
    const { port, pathname } = new URL(incoming.url ?? '');
    const onward = request(
      { host: '127.0.0.1', port, path: pathname, method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    incoming.pipe(onward);
  });
  proxy.on('connect', (incoming: IncomingMessage, socket: Duplex) => {
    note(incoming);
    socket.on('error', () => {});
    open.push(() => socket.destroy());
    if (onConnect !== undefined) {
      onConnect(socket);
      return;
    }
    const onward = connect(Number(incoming.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    open.push(() => onward.destroy());
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  open.push(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  // A server that listens on TCP has a port.
  const { port } = proxy.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, seen };
}

/** A tunnel to a server that does not know what to make of a handshake. */
function leadToNoTls(socket: Duplex): void {
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
  socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
}

/** The ending of a check-in. */
async function checkIn(url: string, options: Partial<HttpTransportOptions>): Promise<string> {
  const transport = new HttpTransport(url, { clock: systemClock, ...options });
  open.push(() => transport.close());
  const call = { signal: new AbortController().signal };
  return transport.checkIn({ mac: '02:00:00:00:00:01' }, call).then(
    () => 'registered',
    (err: unknown) => {
      const { kind, error } = classifyFailure(err);
      const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
      return `${kind} ${error.code}: ${error.message}${cause}`;
    },
  );
}

describe('a proxy', () => {
  it('is asked for the server by its whole address, and told who asks', async () => {
    const server = await startServer({ publicUrl: 'http://server.test' });
    open.push(server.close);
    const { host, seen } = await startProxy();
    const url = `http://server.test:${server.port}`;
    expect(await checkIn(url, { proxy: { http: `http://me:p%40ss@${host}` } })).toBe('registered');
    const auth = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
    expect(seen).toEqual([{ line: `POST ${url}/api/agent/checkin`, auth }]);
  });

  it.each<[string, (socket: Duplex) => unknown, string]>([
    ['refuses', (s) => s.end('HTTP/1.1 407 Who are you\r\n\r\n'), '407 Who are you'],
    ['hangs up', (s) => s.end(), 'ended unexpectedly'],
    ['never answers', () => {}, 'no connection within 0.2 s'],
    ['leads to no TLS', leadToNoTls, 'SSL'],
  ])('that %s makes the server unreachable, without its password', async (_, onConnect, reason) => {
    const { host } = await startProxy(onConnect);
    const proxy = { https: `http://me:secret@${host}` };
    const outcome = await checkIn('https://server.test', { proxy, connectTimeoutMs: 200 });
    expect(outcome).toContain('network server.unreachable');
    expect(outcome).toContain(reason);
    expect(outcome).not.toContain('secret');
  });

  it.each(['proxy.example:3128', 'socks5://me:secret@proxy.example', 'http//x'])(
    'at %j is an error that names the variable and not its value',
    async (value) => {
      const outcome = await checkIn('https://server.test', { proxy: { https: value } });
      expect(outcome).toMatch(/^local config\.invalid: .*set https_proxy to http:\/\/HOST:PORT$/);
      expect(outcome).not.toContain(value);
    },
  );
});

describe.skipIf(!hasOpenssl)('a pinned CA through a proxy (skipped without openssl)', () => {
  const ca = hasOpenssl ? new TestCa() : undefined;
  afterAll(() => ca?.remove());

  async function throughProxy(from: string, to: string, pin = ca?.sha256 ?? '') {
    if (ca === undefined) throw new Error('no openssl');
    const tls = ca.issue('DNS:server.test', from, to);
    const server = await startServer({ tls, publicUrl: 'https://server.test' });
    open.push(server.close);
    const { host, seen } = await startProxy();
    const clockSetTo: Date[] = [];
    const steps: string[] = [];
    const trust = new PinnedTrust({
      caSha256: pin,
      now: () => new Date('2000-01-01'),
      setClock: async (date) => void clockSetTo.push(date),
    });
    const outcome = await checkIn(`https://server.test:${server.port}`, {
      proxy: { https: `http://${host}` },
      trust,
      onStep: (step) => steps.push(step),
    });
    return { outcome, clockSetTo, steps, seen, port: server.port };
  }

  it('is that of the server, and the clock is set from it as without one', async () => {
    const { outcome, clockSetTo, steps, seen, port } = await throughProxy(
      '2020-01-01',
      '2040-01-01',
    );
    expect(outcome).toBe('registered');
    expect(clockSetTo).toHaveLength(1);
    // Once to learn the time, and once for good.
    expect(seen.map((s) => s.line)).toEqual(Array(2).fill(`CONNECT server.test:${port}`));
    expect(steps).toEqual(['tcp', 'tls', 'tcp', 'tls']);
  });

  it('refuses every other server', async () => {
    const { outcome } = await throughProxy('1999-01-01', '2040-01-01', 'ab'.repeat(32));
    expect(outcome).toContain('server.untrusted');
    expect(outcome).toContain('does not lead to the pinned CA');
  });
});

describe('proxyFor', () => {
  const http = 'http://plain.example:3128';
  const https = 'http://tunnel.example:3128';

  it.each<[string, string | undefined, string | undefined]>([
    ['http://server.lab:3000', undefined, http],
    ['https://server.lab', undefined, https],
    ['http://localhost:3000', undefined, undefined],
    ['http://127.1.2.3', undefined, undefined],
    ['http://[::1]:3000', undefined, undefined],
    ['http://server.lab:3000', '*', undefined],
    ['http://server.lab:3000', 'Server.lab', undefined],
    ['http://server.lab:3000', 'other, server.lab:3000', undefined],
    ['http://server.lab:3000', 'server.lab:4000', http],
    ['http://server.lab:3000', 'a .lab', undefined],
    ['http://server.lab:3000', '*.lab', undefined],
    ['http://server.lab:3000', 'lab', undefined],
    ['http://server.lab:3000', 'LAB:3000', undefined],
    ['http://server.lab:3000', 'lab:4000', http],
    ['http://server.lab', 'lab:80', undefined],
    ['http://server.lab:3000', '.ab', http],
    ['http://server.lab:3000', 'ab', http],
    ['http://server.lab:3000', '.', http],
    ['http://server.lab.:3000', 'lab', undefined],
    ['http://server.lab:3000', 'server.lab.', undefined],
    ['http://10.0.0.7:3000', '10.0.0.7', undefined],
    ['http://10.0.0.7:3000', '10.0.0.7:3000', undefined],
    ['http://10.0.0.7:3000', '7', http],
    ['http://10.0.0.7:3000', '.0.7', http],
    ['http://[::ffff:10.0.0.7]:3000', '::ffff:10.0.0.7', undefined],
    ['http://[fe80::7]:3000', 'fe80::7%eth0', undefined],
    ['http://[fe80::7]:3000', '[fe80::%eth0]/64', undefined],
    ['http://[fe80::8]:3000', 'fe80::7%eth0', http],
    ['http://[::ffff:10.0.0.7]:3000', '10.0.0.7', undefined],
    ['http://[::ffff:10.0.0.7]:3000', '10.0.0.0/8', undefined],
    ['http://[::ffff:10.0.0.7]:3000', '10.0.0.7:3000', undefined],
    ['http://[::ffff:11.0.0.7]:3000', '10.0.0.0/8', http],
    ['http://[::ffff:127.0.0.1]:3000', undefined, undefined],
    ['http://10.0.0.7:3000', '::ffff:10.0.0.7', undefined],
    ['http://10.0.0.7:3000', '[::FFFF:A00:7]:3000', undefined],
    ['http://10.0.0.7:3000', '::ffff:10.0.0.0/104', undefined],
    ['http://11.0.0.7:3000', '::ffff:10.0.0.0/104', http],
    ['http://10.0.0.7:3000', '::ffff:10.0.0.0/95 ::ffff:10.0.0.0/129', http],
    ['http://10.0.0.7:3000', '10.0.0.0/8', undefined],
    ['http://10.0.0.7:3000', '10.0.0.0/29', undefined],
    ['http://10.0.0.9:3000', '10.0.0.0/29', http],
    ['http://10.0.0.7:3000', '10.0.0.0/33 10.0.0/8 ::/0', http],
    ['http://server.lab:3000', '0.0.0.0/0', http],
    ['http://[fd00::7]:3000', 'fd00::7', undefined],
    ['http://[fd00::7]:3000', '[FD00:0::7]', undefined],
    ['http://[fd00::7]:3000', '[fd00::7]:3000', undefined],
    ['http://[fd00::7]:3000', '[fd00::7]:4000', http],
    ['http://[fd00::7]:3000', 'fd00::/8', undefined],
    ['http://[fd00::7]:3000', 'fe80::/10', http],
  ])('for %s, except %s, is %s', (origin, except, expected) => {
    expect(proxyFor(origin, { http, https, except })).toBe(expected);
  });

  it('is looked for in the variables that curl looks in', () => {
    expect(proxyFrom({ http_proxy: http, HTTPS_PROXY: https, NO_PROXY: 'lab' })).toEqual({
      http,
      https,
      except: 'lab',
    });
    expect(proxyFrom({ HTTP_PROXY: http })).toEqual({});
  });

  it('is none where none is set', () => {
    expect(proxyFor('http://server.lab', undefined)).toBeUndefined();
    expect(proxyFor('http://server.lab', { https })).toBeUndefined();
    expect(proxyFor('http://server.lab', { http: '' })).toBeUndefined();
  });
});
