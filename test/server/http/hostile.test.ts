// Every route, as the OpenAPI document lists them, with input that nobody of good will sends. A new
// route is in here from its first day.
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createToken } from '../../../src/server/access/tokens.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { openStore } from '../../../src/store/open.ts';
import { createApp } from '../../../src/server/app.ts';
import { limitConnections, serverOptions } from '../../../src/server/http/connections.ts';
import { checkin, startServer, type Answer, type TestServer } from '../harness.ts';

interface Route {
  readonly method: string;
  readonly path: string;
  readonly takesBody: boolean;
}

/** The routes; read once, from a server of their own. */
const routes: readonly Route[] = await listRoutes();

async function listRoutes(): Promise<Route[]> {
  const store = await openStore('memory:');
  const app = await createApp({ store, clock: systemClock });
  const document: {
    paths: Record<string, Record<string, { requestBody?: unknown }>>;
  } = JSON.parse(JSON.stringify(app.swagger()));
  await app.close();
  await store.close();
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      // HEAD answers as GET does, without a body.
      .filter(([method]) => method !== 'head')
      .map(([method, { requestBody }]) => ({
        method: method.toUpperCase(),
        path,
        takesBody: requestBody !== undefined,
      })),
  );
}

const someId = '01890000-0000-7000-8000-000000000000';
/** The answers of routes for everybody: booting firmware has no token. */
const publicAnswers: ReadonlyMap<string, number> = new Map([
  ['/api/sign-in', 200],
  ['/api/sign-out', 204],
  ['/api/health', 200],
  ['/api/ready', 200],
  ['/boot/start.ipxe', 200],
  ['/boot/grub.cfg', 200],
  ['/boot/{mac}', 200],
  ['/boot/{arch}/{file}', 404],
  ['/images/SHA256SUMS', 404],
  ['/images/{name}', 404],
  ['/api/workflows/{id}/report', 422],
]);
const exampleOf: Readonly<Record<string, string>> = { id: someId, mac: '02-00-00-00-00-01' };

/** A path with its parameters filled: well-formed, but of nothing that exists. */
function fill(path: string, value?: string): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(value ?? exampleOf[name] ?? 'nothing'),
  );
}

/** The fault of a refusal; undefined if it has none. */
function badRefusal({ status, body }: Answer): string | undefined {
  const text = JSON.stringify(body);
  if (status < 400 || status >= 500) return `${status} ${text}`;
  if (typeof body.error !== 'string' || !/^[a-z]+\.[a-z-]+$/.test(body.code))
    return `no code: ${text}`;
  return /\bat .*\.ts:\d|node_modules|Error:/.test(text) ? `shows its inside: ${text}` : undefined;
}

/** Gathers what is wrong, so that a failure lists all of it. */
class Faults {
  readonly all: string[] = [];

  add(what: string, fault: string | undefined): void {
    if (fault !== undefined) this.all.push(`${what}: ${fault}`);
  }

  addUnless(isFine: boolean, what: string): void {
    if (!isFine) this.all.push(what);
  }
}

const bodies: readonly [name: string, body: string, headers?: Record<string, string>][] = [
  ['nothing', ''],
  ['half a document', '{"mac": "02:00:00:00:00:01"'],
  ['no JSON', 'mac=02:00:00:00:00:01'],
  ['another content type', '{}', { 'content-type': 'text/plain' }],
  ['a compressed document', '\x1F\x8B\x08', { 'content-encoding': 'gzip' }],
  ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['null', 'null'],
  ['a number', '1e999'],
  ['an array', '[]'],
  ['a text', '"text"'],
  ['an empty object', '{}'],
  ['a prototype key', '{"__proto__": {"isAdmin": true}, "mac": "02:00:00:00:00:01"}'],
  ['an escaped prototype key', '{"__pr\\u006fto__": {"isAdmin": true}}'],
  ['a constructor key', '{"constructor": {"prototype": {"isAdmin": true}}}'],
  ['deep arrays', '['.repeat(100_000)],
  ['deep objects', '{"a":'.repeat(5000) + '1' + '}'.repeat(5000)],
  ['wrong types everywhere', JSON.stringify(Object.fromEntries(fields().map((f) => [f, [{}]])))],
  ['deep YAML', '- '.repeat(20_000) + 'a', { 'content-type': 'application/yaml' }],
  ['a YAML bomb', yamlBomb(), { 'content-type': 'application/yaml' }],
  ['a YAML prototype key', '__proto__: {isAdmin: true}', { 'content-type': 'application/yaml' }],
];

/** Names of fields that some route takes. */
function fields(): string[] {
  return 'mac machine_id template value ids hostname tags labels bmc type kind metadata spec name scope into'.split(
    ' ',
  );
}

function yamlBomb(): string {
  const levels = Array.from({ length: 12 }, (_, i) =>
    i === 0 ? 'a0: &a0 [x]' : `a${i}: &a${i} [${`*a${i - 1},`.repeat(10)}]`,
  );
  return levels.join('\n');
}

describe('every route', () => {
  it('is covered: the document has the routes that are known', () => {
    expect(routes.length).toBeGreaterThan(30);
  });

  it('refuses bodies that make no sense, and nothing is stored', async () => {
    const server = await startServer();
    const faults = new Faults();
    for (const { method, path } of routes.filter((route) => route.takesBody)) {
      for (const [name, body, headers] of bodies) {
        const answer = await server.call(method, fill(path), {
          body,
          headers: { 'content-type': 'application/json', ...headers },
        });
        faults.add(`${method} ${path} with ${name}`, badRefusal(answer));
      }
    }
    expect(faults.all).toEqual([]);
    await expectEmpty(server);
    expect(Object.prototype).not.toHaveProperty('isAdmin');
  });

  it('takes no time for YAML with an error in each character, and none from strangers', async () => {
    const server = await startServer();
    const body = `[${']'.repeat(200_000)}`;
    const headers = { 'content-type': 'application/yaml' };
    const answer = await server.call('PUT', '/api/templates/t', { body, headers });
    expect(answer.status).toBe(400);
    for (const [path, status] of [
      ['/api/agent/checkin', 415],
      ['/api/nothing', 404],
    ] as const) {
      const given = await server.call('POST', path, { body, headers });
      expect([path, given.status]).toEqual([path, status]);
    }
  });

  it('takes no time for YAML with very many keys, and refuses a key that is there twice', async () => {
    const server = await startServer();
    const headers = { 'content-type': 'application/yaml' };
    const put = (body: string) => server.call('PUT', '/api/templates/t', { body, headers });
    const keys = (length: number) => Array.from({ length }, (_, n) => `k${n}: 1`).join('\n');
    expect((await put(keys(6000))).status).toBe(422);
    expect((await put(keys(60_000))).body.code).toBe('request.malformed');
    const twice = await put('metadata: { name: t, name: u }');
    expect([twice.status, twice.body.code]).toEqual([400, 'request.malformed']);
  });

  it('refuses a key that is there twice in the JSON of an operator', async () => {
    const server = await startServer();
    const put = (body: string) => server.call('PUT', '/api/settings/a', { body });
    for (const body of [
      '{"value":"1","value":"2"}',
      '{"value":"1", "v\\u0061lue" :"2"}',
      '{"value":"1","secret":[{"a":1,"a":1}]}',
    ]) {
      const { status, body: answer } = await put(body);
      expect([body, status, answer.code]).toEqual([body, 400, 'request.malformed']);
    }
    expect((await put('{"value":"a:b \\":\\" {\\"a\\":1,\\"a\\":1}"}')).status).toBe(201);
    const long = `{"value":"${'x:'.repeat(30_000)}","secret":false}`;
    expect((await put(long)).status).toBe(200);
    const twins = await server.call('POST', '/api/agent/checkin', {
      body: '{"mac":"02:00:00:00:00:01","hostname":"a","hostname":"b"}',
    });
    expect(twins.status).toBe(200);
  });

  it('refuses bodies of more than 1 MiB', async () => {
    const server = await startServer();
    const faults = new Faults();
    const body = JSON.stringify({ mac: '02:00:00:00:00:01', hostname: 'x'.repeat(10_000_000) });
    for (const { method, path } of routes.filter((route) => route.takesBody)) {
      // A server that has answered may cut the rest of the body off.
      const answer = await server.call(method, fill(path), { body }).catch(() => undefined);
      faults.addUnless(answer === undefined || answer.status === 413, `${method} ${path}`);
    }
    expect(faults.all).toEqual([]);
    await expectEmpty(server);
  });

  it.each([
    ['traversal', '../../etc/passwd'],
    ['a null byte', 'a\u0000b'],
    ['CRLF', 'a\r\nset-cookie: b=c'],
    ['a very long name', 'x'.repeat(5000)],
    ['a prototype', '__proto__'],
    ['markup', '<script>alert(1)</script>'],
    ['broken UTF-8', '\uD800'.toWellFormed()],
  ])('refuses %s as a name', async (_name, value) => {
    const server = await startServer();
    const faults = new Faults();
    for (const { method, path, takesBody } of routes.filter((route) => route.path.includes('{'))) {
      const answer = await server.call(method, fill(path, value), takesBody ? { body: {} } : {});
      // Taking a tag off all machines is the one change that needs nothing to exist.
      const isHarmless = path === '/api/tags/{tag}' && answer.status === 200;
      if (!isHarmless) faults.add(`${method} ${path}`, badRefusal(answer));
      faults.addUnless(
        answer.headers.get('set-cookie') === null,
        `${method} ${path} sets a cookie`,
      );
    }
    expect(faults.all).toEqual([]);
    await expectEmpty(server);
  });

  it('refuses an unknown or repeated query field where operators ask', async () => {
    const server = await startServer();
    const faults = new Faults();
    for (const query of ['nonsense=1', 'limit=0', 'limit=1001', 'limit=x', 'limit=1&limit=2']) {
      faults.add(query, badRefusal(await server.call('GET', `/api/machines?${query}`)));
    }
    faults.add('escape', badRefusal(await server.call('GET', '/api/%zz')));
    expect(faults.all).toEqual([]);
  });

  it('answers nothing without a token, or with a wrong one, once there are tokens', async () => {
    const server = await startServer();
    await createToken(server.store, systemClock, { name: 'a', scope: 'full', expiresAt: null });
    const tokens = [
      undefined,
      '',
      'dfo_wrong',
      `dfm_${someId}_wrong`,
      'x'.repeat(10_000),
      '__proto__',
    ];
    const faults = new Faults();
    for (const { method, path, takesBody } of routes) {
      for (const token of tokens) {
        const { status, headers } = await server.call(method, fill(path), {
          token,
          ...(takesBody ? { body: {} } : {}),
        });
        const expected = publicAnswers.get(path) ?? 401;
        const isFine =
          status === expected && (status !== 401 || headers.get('www-authenticate') === 'Bearer');
        faults.addUnless(isFine, `${method} ${path} with ${String(token)}: ${status}`);
      }
    }
    for (const path of ['/docs', '/docs/json', '/api/openapi.json', '/metrics']) {
      const { status } = await server.call('GET', path);
      faults.addUnless(status === 401, `${path}: ${status}`);
    }
    expect(faults.all).toEqual([]);
  });

  it('lets a read token change nothing but its own sessions', async () => {
    const server = await startServer();
    const token = await createToken(server.store, systemClock, {
      name: 'a',
      scope: 'read',
      expiresAt: null,
    });
    const faults = new Faults();
    for (const { method, path, takesBody } of routes.filter(({ path: p }) => p !== '/api/events')) {
      const answer = await server.call(method, fill(path), {
        token,
        ...(takesBody ? { body: {} } : {}),
      });
      const isRead =
        method === 'GET' && !/^\/api\/(?:tokens|audit|backup|damaged|webhooks)/.test(path);
      // 422: a parameter that the route cannot do without.
      const isPublic = publicAnswers.has(path);
      const isOwn = path.startsWith('/api/sessions');
      const expected = isRead || isPublic || isOwn ? [200, 204, 404, 422] : [403];
      faults.addUnless(expected.includes(answer.status), `${method} ${path}: ${answer.status}`);
    }
    expect(faults.all).toEqual([]);
  });
});

async function expectEmpty(server: TestServer): Promise<void> {
  for (const [path, field] of [
    ['/api/machines', 'machines'],
    ['/api/templates', 'templates'],
    ['/api/workflows', 'workflows'],
    ['/api/settings', 'settings'],
    ['/api/tokens', 'tokens'],
  ] as const) {
    const { status, body } = await server.call('GET', path);
    expect(status).toBe(200);
    expect({ [path]: body[field] }).toEqual({ [path]: [] });
  }
}

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

  it('has 10 s for its headers and 30 s for its request', async () => {
    const server = await startServer();
    const { headersTimeout, requestTimeout } = server.app.server;
    expect({ headersTimeout, requestTimeout }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 30_000,
    });
  });

  it('has 10 s for its handshake of TLS', () => {
    const { https } = Object(serverOptions({ cert: '', key: '' }));
    expect(https.handshakeTimeout).toBe(10_000);
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

/** Everything that the server sends in answer to `text` until it closes. */
async function exchange(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.on('data', (data: Buffer) => (received += data.toString()));
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
  return received;
}

describe('a page from elsewhere', () => {
  it('cannot use the server of the host that it is shown on', async () => {
    const server = await startServer();
    const body = { value: 'x' };
    for (const headers of [
      { origin: 'https://example.com' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
    ]) {
      const answer = await server.call('PUT', '/api/settings/a', { body, headers });
      expect(answer.status).toBe(403);
    }
    await expectEmpty(server);
  });

  it('can use no route of a server without tokens, by no name that it lets resolve there', async () => {
    const server = await startServer({ publicUrl: 'https://pxe.example.org:3000' });
    const faults = new Faults();
    const from = async (method: string, path: string, headers: string): Promise<string> => {
      const head = `${method} ${fill(path)} HTTP/1.1\r\nconnection: close\r\n${headers}`;
      const text = await exchange(server.url, `${head}\r\ncontent-length: 0\r\n\r\n`);
      return text.split(' ', 2)[1] ?? text;
    };
    for (const { method, path } of [...routes, { method: 'GET', path: '/' }]) {
      for (const headers of [
        'host: example.com',
        'host: localhost.example.com:3000',
        'host: 127.0.0.1.example.com',
        'host: pxe.example.org.evil',
        'host:',
        'host: 127.0.0.1\r\norigin: https://example.com',
        'host: 127.0.0.1\r\norigin: null',
        'host: 127.0.0.1\r\nsec-fetch-site: cross-site',
        'host: 127.0.0.1\r\nsec-fetch-site: same-site',
        'host: 127.0.0.1\r\nsec-fetch-site: CROSS-SITE',
      ]) {
        const status = await from(method, path, headers);
        faults.addUnless(status === '403', `${method} ${path} with ${headers}: ${status}`);
      }
    }
    expect(faults.all).toEqual([]);
    for (const host of [
      'localhost',
      '127.0.0.1:1',
      '[::1]:80',
      '192.0.2.7:3000',
      'pxe.example.org',
    ]) {
      expect([host, await from('GET', '/api/machines', `host: ${host}`)]).toEqual([host, '200']);
    }
    // A target that names a host counts, whatever Host says.
    const proxied = 'http://example.com/api/machines';
    expect(await from('GET', proxied, 'host: 127.0.0.1')).toBe('403');
    const own = 'http://127.0.0.1/api/machines';
    expect(await from('GET', own, 'host: example.com')).toBe('200');
    // A link from elsewhere may lead to the page, which asks for everything itself.
    const link = 'host: 127.0.0.1\r\nsec-fetch-site: cross-site\r\nsec-fetch-mode: navigate';
    expect(await from('GET', '/', link)).not.toBe('403');
    expect(await from('GET', '/api/machines', link)).toBe('403');
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
