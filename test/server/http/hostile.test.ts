// Every route with input that nobody of good will sends. A new route is in here from its first day.
import { describe, expect, it } from 'vitest';
import { createToken } from '../../../src/server/access/tokens.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { startServer, type Answer } from '../harness.ts';
import { routes, fill, Faults, expectEmpty, someId } from './hostile.ts';

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

/** The fault of a refusal; undefined if it has none. */
function badRefusal({ status, body }: Answer): string | undefined {
  const text = JSON.stringify(body);
  if (status < 400 || status >= 500) return `${status} ${text}`;
  if (typeof body.error !== 'string' || !/^[a-z]+\.[a-z-]+$/.test(body.code))
    return `no code: ${text}`;
  return /\bat .*\.ts:\d|node_modules|Error:/.test(text) ? `shows its inside: ${text}` : undefined;
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
