// Connections as nobody of good will uses them.
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/core/log.ts';
import { clientErrorAnswerer } from '../../../src/server/http/answers.ts';
import { limitConnections, serverOptions } from '../../../src/server/http/connections.ts';
import { checkin, startServer } from '../harness.ts';
import { hasOpenssl, TestCa } from '../../transport/test-ca.ts';
import { exchange } from './hostile.ts';

describe('a connection', () => {
  it('that is not HTTP is answered and closed', async () => {
    const server = await startServer();
    const text = await exchange(server.url, '\u0016\u0003\u0001 this is TLS or worse\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('request.malformed');
  });

  it('with headers without end is refused', async () => {
    const server = await startServer();
    const text = await exchange(server.url, `GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('that smuggles a second request by two lengths is refused', async () => {
    const server = await startServer();
    const text = await exchange(
      server.url,
      'POST /api/agent/checkin HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('that expects what nobody knows is refused as any other request is', async () => {
    const server = await startServer();
    const text = await exchange(
      server.url,
      'POST /api/agent/heartbeat HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: more\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
    );
    expect(text).toMatch(/^HTTP\/1\.1 400 .*x-request-id: .*"request\.malformed"/s);
  });

  it.each(['application/x-www-form-urlencoded', 'application/json'])(
    'that is cut in the middle of its body is no fault of the server: %s',
    async (type) => {
      const failures: string[] = [];
      const error = (_fields: object, text: string): void => void failures.push(text);
      const server = await startServer({ log: { ...silentLog, error } });
      const path = '/api/workflows/01930000-0000-7000-8000-000000000001/report?token=a';
      const arrived = once(server.app.server, 'request');
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: ${type}\r\ncontent-length: 9\r\n\r\nabc`,
      );
      const [request] = await arrived;
      const gone = once(request.socket, 'close');
      socket.destroy();
      await gone;
      await server.call('GET', '/api/health');
      expect(failures).toEqual([]);
    },
  );

  it.each(['GET /api/health', 'POST /api/agent/heartbeat'])(
    'without a Host is refused as any other request is: %s',
    async (line) => {
      const server = await startServer();
      const text = await exchange(
        server.url,
        `${line} HTTP/1.1\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
      );
      expect(text).toMatch(/^HTTP\/1\.1 400 .*x-request-id: .*"the request has no Host"/s);
    },
  );

  it('has 10 s for its headers and 30 s for its request', async () => {
    const server = await startServer();
    const { headersTimeout, requestTimeout } = server.app.server;
    expect({ headersTimeout, requestTimeout }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
    });
  });

  it('that asks for a head alone in what is no HTTP gets no body', async () => {
    const server = await startServer();
    for (const before of ['', '\r\n', '\n\n']) {
      const text = await exchange(server.url, `${before}HEAD / HTTP/1.1\r\nbad header: x\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 400 .*\r\n\r\n$/s);
    }
  });

  it('that Node refuses by itself is told an id, which the log has too', async () => {
    const logged: Record<string, unknown>[] = [];
    const debug = (fields: object): void => void logged.push({ ...fields });
    const server = await startServer({ log: { ...silentLog, debug } });
    server.app.server.headersTimeout = server.app.server.requestTimeout = 500;
    const post =
      'POST /api/agent/checkin HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n';
    const answers = await Promise.all(
      [
        'this is no HTTP\r\n\r\n',
        `GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
        'GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ',
        `${post}\r\n{`,
        `${post}accept: application/problem+json\r\n\r\n{`,
      ].map((text) => exchange(server.url, text)),
    );
    const told = answers.map((text) => {
      const [head = '', body = ''] = text.split('\r\n\r\n');
      const id = /x-request-id: (\S+)/.exec(head)?.[1];
      const { request_id, status, detail = '' } = JSON.parse(body);
      expect(request_id).toBe(id);
      const line = logged.find((one) => one['request_id'] === id);
      return [line?.['status'], line?.['method'], status, detail];
    });
    expect(told).toEqual([
      [400, 'none', undefined, ''],
      [431, 'none', undefined, ''],
      [408, 'none', undefined, ''],
      [408, 'POST', undefined, ''],
      [408, 'POST', 408, 'the request did not arrive in time'],
    ]);
    expect(answers.map((text) => text.split(' ')[1])).toEqual(['400', '431', '408', '408', '408']);
  });

  it.skipIf(!hasOpenssl)(
    'that never ends its handshake of TLS is closed (needs openssl)',
    async () => {
      const own = new TestCa().issue('IP:127.0.0.1', '2020-01-01', '2090-01-01');
      const server = createHttpsServer({ ...own, handshakeTimeout: 100 });
      server.on(
        'clientError',
        clientErrorAnswerer(
          () => 'one',
          () => {},
        ),
      );
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const socket = connect(Object(server.address()).port, '127.0.0.1').resume();
      const [hadError] = await once(socket, 'close');
      expect(hadError).toBe(false);
      server.close();
    },
  );

  it('has a minute for its TLS handshake', () => {
    const { https } = Object(serverOptions({ cert: '', key: '' }));
    expect(https.handshakeTimeout).toBe(60_000);
  });

  it('that does not come to the end of its request is told so and closed', async () => {
    const server = await startServer();
    server.app.server.headersTimeout = 500;
    server.app.server.requestTimeout = 1000;
    const slow = await Promise.all([
      exchange(server.url, 'GET /api/health HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: '),
      exchange(
        server.url,
        'POST /api/agent/checkin HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"mac":',
      ),
    ]);
    expect(slow.map((text) => text.split('\r\n')[0])).toEqual([
      'HTTP/1.1 408 Request Timeout',
      'HTTP/1.1 408 Request Timeout',
    ]);
  });

  it('is refused where it names two Hosts', async () => {
    const { url } = await startServer();
    const answer = await exchange(
      url,
      'GET /api/machines HTTP/1.1\r\nHost: 127.0.0.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*"code":"request\.malformed"/);
  });

  it('goes on to be served while slow ones hang', async () => {
    const server = await startServer();
    const { hostname, port } = new URL(server.url);
    const slow = Array.from({ length: 200 }, () => connect(Number(port), hostname));
    for (const socket of slow) {
      socket.on('error', () => {});
      socket.write('POST /api/agent/checkin HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-le');
    }
    const answer = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    expect(answer.status).toBe(200);
    for (const socket of slow) socket.destroy();
  });
});

describe('an address', () => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((found) => found?.family === 'IPv4' && !found.internal);

  it.skipIf(address === undefined)(
    'has so many connections and no more (needs an address besides loopback)',
    async () => {
      const accepted: Socket[] = [];
      const server = createServer((socket) => {
        accepted.push(socket);
        socket.pipe(socket);
      });
      limitConnections(server, 3);
      server.listen(0);
      await once(server, 'listening');
      // A server that listens on a port has one.
      const { port } = Object(server.address());
      const open = () => connect(port, address?.address).on('error', () => {});
      const speak = async (socket: Socket) => {
        socket.write('hello');
        const heard = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
        return String(heard[0]);
      };
      const kept = [open(), open(), open()];
      expect(await Promise.all(kept.map(speak))).toEqual(['hello', 'hello', 'hello']);
      expect(await speak(open())).not.toBe('hello');
      kept[0]?.destroy();
      await Promise.race(accepted.slice(0, 3).map((socket) => once(socket, 'close')));
      const next = open();
      expect(await speak(next)).toBe('hello');
      for (const socket of [...kept, next]) socket.destroy();
      server.close();
    },
  );

  it('of IPv6 gets no more connections than its network by taking others of it', () => {
    const server = createServer();
    limitConnections(server, 2);
    /** A connection as it comes from elsewhere, which nobody can open on this host. */
    const open = (remoteAddress: string) => {
      const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
      server.emit('connection', socket);
      return socket;
    };
    const hopping = Array.from({ length: 20 }, (_, n) => open(`2001:db8:0:1::${n.toString(16)}`));
    expect(hopping.filter((socket) => socket.destroyed)).toEqual([]);
    expect(open('2001:db8:0:1:ffff::1').destroyed).toBe(true);
    expect(open('2001:db8:0:2::1').destroyed).toBe(false);
    expect(open('192.0.2.1').destroyed).toBe(false);
    hopping[0]?.emit('close');
    expect(open('2001:db8:0:1:ffff::1').destroyed).toBe(false);
  });
});
