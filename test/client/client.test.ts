// The client against the real server over loopback.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import openapi from '../../openapi.json' with { type: 'json' };
import { Client, type ClientOptions } from '../../src/client/client.ts';
import type { Template } from '../../src/model/documents/template.ts';
import {
  checkin,
  imageTemplate,
  rebootTemplate,
  startServer,
  type TestServer,
} from '../server/harness.ts';
import { hasOpenssl, TestCa } from '../transport/test-ca.ts';

// As the harness writes them down, for the wire.
const debian = imageTemplate as Template;
const restart = rebootTemplate as Template;

function clientOf(url: string, options: ClientOptions = {}): Client {
  const client = new Client(url, options);
  onTestFinished(() => client.close());
  return client;
}

/** Registers machines whose MACs end with 1 to `count`; gives their ids. */
async function register(server: TestServer, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 1; n <= count; n += 1) {
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n) });
    ids.push(body.machine_id);
  }
  return ids;
}

/** Writes down that the first machine may be the second. */
async function putConflict({ store }: TestServer, [one, other]: string[]): Promise<string> {
  const id = '01930000-0000-7000-8000-000000000001';
  await store.conflicts.put({
    id,
    machine_id: one ?? '',
    reason: 'ambiguous',
    candidates: [{ machine_id: other ?? '', evidence: ['has the same serial'] }],
    created_at: '2026-01-02T03:04:05Z',
    resolution: null,
  });
  return id;
}

/** The address of a server that answers as the test says. */
async function against(handler: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  // A TCP server that listens has a port.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the client', () => {
  it('lists machines by document and by page, filtered', async () => {
    const server = await startServer();
    const ids = await register(server, 5);
    const { machines } = clientOf(server.url);
    const pages = [];
    for await (const page of machines.list({ pageSize: 2 }).pages()) pages.push(page);
    expect(pages.map((page) => page.map((m) => m.id))).toEqual([
      ids.slice(0, 2),
      ids.slice(2, 4),
      ids.slice(4),
    ]);
    const all = machines.list({ pageSize: 2 });
    const seen: string[] = [];
    for await (const { id } of all) seen.push(id);
    expect(seen).toEqual(ids);
    expect((await all.toArray()).map((m) => m.id)).toEqual(ids);
    const found = await machines.list({ q: 'host-3', state: 'Discovered' }).toArray();
    expect(found.map((m) => m.id)).toEqual([ids[2]]);
  });

  it('enters a machine that has not booted yet', async () => {
    const server = await startServer();
    const { machines } = clientOf(server.url);
    const { value, etag } = await machines.create({ mac: '02:00:00:00:00:01', tags: ['rack-7'] });
    expect(await machines.get(value.id)).toMatchObject({
      value: { config: { tags: ['rack-7'] } },
      etag,
    });
    expect(await register(server, 1)).toEqual([value.id]);
    await expect(machines.create({ mac: '02:00:00:00:00:01' })).rejects.toMatchObject({
      code: 'machine.exists',
    });
  });

  it('changes a machine if it is still as it was read', async () => {
    const server = await startServer();
    const [id = ''] = await register(server, 1);
    const { machines } = clientOf(server.url);
    const read = await machines.get(id);
    const changed = await machines.patch(id, { tags: ['rack-7'] }, { ifMatch: read.etag });
    expect(changed.value.config.tags).toEqual(['rack-7']);
    expect(changed.etag).not.toBe(read.etag);
    const stale = { code: 'request.stale', details: { status: 412 } };
    await expect(machines.patch(id, { tags: [] }, { ifMatch: read.etag })).rejects.toMatchObject(
      stale,
    );
    await expect(machines.delete(id, { ifMatch: read.etag })).rejects.toMatchObject(stale);
    expect((await machines.get(id)).value.config.tags).toEqual(['rack-7']);
    await machines.delete(id, { ifMatch: changed.etag });
    await expect(machines.get(id)).rejects.toMatchObject({
      name: 'AppError',
      code: 'machine.unknown',
      message: expect.stringContaining(id),
      details: { status: 404 },
    });
  });

  it('reads and writes sizes beyond 2^53 as they are', async () => {
    const server = await startServer();
    const size = 2n ** 64n - 1n;
    const mac = '02:00:00:00:00:01';
    const body = `{"mac":"${mac}","memory_bytes":${size},"disks":[{"name":"sda","size_bytes":${size}}]}`;
    const { body: known } = await server.call('POST', '/api/agent/checkin', { body });
    const { machines, templates, workflows } = clientOf(server.url);
    const { value: machine } = await machines.get(known.machine_id);
    expect(machine.hardware.memory_bytes).toBe(size);
    expect(machine.hardware.disks[0]?.size_bytes).toBe(size);
    const template = { ...debian, spec: { ...debian.spec, timeout: size } };
    await templates.put(template);
    expect((await templates.get('debian')).value.spec.timeout).toBe(size);
    const request = { machine_id: known.machine_id, template: 'debian', confirmed: true };
    const plan = await workflows.plan(request);
    expect(plan.disk?.size_bytes).toBe(size);
  });

  it('tells a history, tags, and which of many changes failed', async () => {
    const server = await startServer();
    const ids = await register(server, 2);
    const { machines } = clientOf(server.url);
    for (const cpu_threads of [8, 16]) {
      await server.call('POST', '/api/agent/checkin', { body: checkin(1, { cpu_threads }) });
    }
    const history = await machines.history(ids[0] ?? '');
    expect(history.map((change) => change.what)).toContain('cpu_threads');
    const missing = '01930000-0000-7000-8000-00000000ffff';
    const outcome = await machines.changeMany([...ids, missing], { add_tags: ['new', 'a/b'] });
    expect(outcome).toMatchObject({
      changed: 2,
      failed: [{ machine_id: missing, failure: { code: 'machine.unknown' } }],
    });
    expect(await machines.tags()).toEqual([
      { tag: 'a/b', machines: 2 },
      { tag: 'new', machines: 2 },
    ]);
    expect(await machines.deleteTag('a/b')).toBe(2);
  });

  it('changes more machines than one request may hold', async () => {
    const server = await startServer();
    const [id = ''] = await register(server, 1);
    const missing = Array.from(
      { length: 1000 },
      (_, n) => `01930000-0000-7000-8000-${String(n).padStart(12, '0')}`,
    );
    const outcome = await clientOf(server.url).machines.changeMany([...missing, id], {
      add_tags: ['t'],
    });
    expect(outcome.changed).toBe(1);
    expect(outcome.failed.map((f) => f.machine_id).toSorted()).toEqual(missing);
  });

  it('keeps templates, fills them in, and runs them as workflows', async () => {
    const server = await startServer();
    const [id = ''] = await register(server, 1);
    const { machines, templates, workflows } = clientOf(server.url);
    const { etag } = await templates.put(debian);
    await templates.put(restart);
    const names = (await templates.list({ pageSize: 1 }).toArray()).map((t) => t.metadata.name);
    expect(names).toEqual(['debian', 'restart']);
    expect(await templates.get('debian')).toEqual({ value: debian, etag });
    const { value: machine } = await machines.get(id);
    expect(JSON.stringify(await templates.render('debian', id))).toContain(
      machine.config.memorable_name,
    );
    const made = await workflows.create({ machine_id: id, template: 'restart' });
    expect(await workflows.list({ machine_id: id }).toArray()).toEqual([made]);
    expect(await workflows.get(made.metadata.name)).toEqual(made);
    await expect(workflows.create({ machine_id: id, template: 'restart' })).rejects.toMatchObject({
      code: 'workflow.active',
    });
    const cancelled = await workflows.cancel(made.metadata.name);
    expect(cancelled.status?.state).not.toBe(made.status?.state);
    await templates.delete('debian', { ifMatch: etag });
    await expect(templates.get('debian')).rejects.toMatchObject({ code: 'template.unknown' });
  });

  it('decides conflicts', async () => {
    const server = await startServer();
    const ids = await register(server, 2);
    const { conflicts, machines } = clientOf(server.url);
    const id = await putConflict(server, ids);
    const about = await machines.conflicts(ids[1] ?? '').toArray();
    expect(about).toEqual(await conflicts.list().toArray());
    expect(about.map((c) => c.id)).toEqual([id]);
    expect((await conflicts.split(id)).resolution?.decision).toBe('split');
    expect((await conflicts.reopen(id)).resolution).toBeNull();
    const { resolution } = await conflicts.accept(id);
    expect(resolution).toMatchObject({ decision: 'accepted', into: ids[1] });
    expect(await conflicts.list().toArray()).toEqual([]);
    expect(await conflicts.list({ all: true }).toArray()).toHaveLength(1);
    await expect(conflicts.split(id)).rejects.toMatchObject({
      code: 'conflict.decided',
      details: { resolution },
    });
  });

  it('keeps settings', async () => {
    const { settings } = clientOf((await startServer()).url);
    const { etag } = await settings.put('site.name', 'Basel');
    await settings.put('other', '1');
    expect(await settings.list({ prefix: 'site.' }).toArray()).toEqual([
      { key: 'site.name', value: 'Basel' },
    ]);
    expect((await settings.get('site.name')).etag).toBe(etag);
    await settings.put('site.name', 'Bern', { ifMatch: etag });
    await expect(settings.put('site.name', 'Biel', { ifMatch: etag })).rejects.toMatchObject({
      code: 'request.stale',
    });
    await settings.delete('site.name');
    await expect(settings.get('site.name')).rejects.toMatchObject({ code: 'setting.unknown' });
  });

  it('makes tokens, and calls with one', async () => {
    const server = await startServer();
    const { token: full } = await clientOf(server.url).tokens.create({
      name: 'ops',
      scope: 'full',
    });
    const anonymous = clientOf(server.url);
    await expect(anonymous.tokens.list()).rejects.toMatchObject({ code: 'auth.required' });
    const { tokens } = clientOf(server.url, { token: full });
    const { token: weak } = await tokens.create({ name: 'screen', scope: 'read' });
    expect((await tokens.list()).map((t) => t.name)).toEqual(['ops', 'screen']);
    const reader = clientOf(server.url, { token: weak });
    expect(await reader.machines.list().toArray()).toEqual([]);
    await expect(reader.settings.put('a', '1')).rejects.toMatchObject({ code: 'auth.denied' });
    await tokens.revoke('screen');
    await expect(tokens.revoke('screen')).rejects.toMatchObject({ code: 'token.unknown' });
  });

  it('says whether the server is ready', async () => {
    const client = clientOf((await startServer({ version: '1.2.3' })).url);
    await expect(client.ready()).resolves.toBeUndefined();
    expect(await client.about()).toEqual({ version: '1.2.3', store_bytes: null, public_url: null });
  });
});

describe('the methods of the client', () => {
  const forOthers =
    /^(POST \/api\/(agent\/|sign-out|sessions|workflows\/\{id\}\/(events|report))|(?:GET|HEAD) \/(boot\/|images\/\{name\}|metrics|api\/health|api\/sign-in|api\/audit\/export))/;
  const documented = Object.entries(openapi.paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((m) => `${m.toUpperCase()} ${path}`))
    .filter((operation) => !forOthers.test(operation));

  /** Calls every method, and gives "GET /api/tags" of each request. */
  async function callAll(): Promise<Set<string>> {
    const asked = new Set<string>();
    const url = await against((request, response) => {
      asked.add(`${request.method} ${request.url?.replace(/\?.*/, '')}`);
      response.writeHead(500).end();
    });
    const client = clientOf(url);
    // A name, that of a record too, and a document that has one.
    const anything = Object.assign(new String('x/x'), { metadata: { name: 'x' } });
    for (const group of [client, ...Object.values(client)]) {
      const names = Object.getOwnPropertyNames(Object.getPrototypeOf(group));
      for (const name of names.filter((n) => n !== 'constructor' && n !== 'close')) {
        const result = group[name](anything, anything, anything);
        const list = Object(result)[Symbol.asyncIterator]?.call(result);
        await (list === undefined ? result : list.next()).catch(() => {});
      }
    }
    return asked;
  }

  it('are all operations of the API that are for operators', async () => {
    const asked = await callAll();
    const missing = documented.filter((operation) => {
      const pattern = new RegExp(`^${operation.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      return ![...asked].some((request) => pattern.test(request));
    });
    expect(documented.length).toBeGreaterThan(25);
    expect(missing).toEqual([]);
  });
});

describe('a call', () => {
  it('finds a server that lives below a path', async () => {
    const url = await against((request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ tags: [{ tag: request.url, machines: 1 }] }));
    });
    const client = clientOf(`${url}/dragonfly/`);
    expect(await client.machines.tags()).toEqual([{ tag: '/dragonfly/api/tags', machines: 1 }]);
  });

  it('follows a log that has no line yet from its first one, however few were asked for', async () => {
    const asked: (string | undefined)[] = [];
    const url = await against((request, response) => {
      asked.push(request.url?.replace(/^.*\?/, ''));
      const at = '2026-01-02T03:04:05.000Z';
      const lines = ['a', 'b'].map((text) => ({ at, source: 'agent', text }));
      const isFirst = asked.length === 1;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(isFirst ? { lines: [], next: null } : { lines, next: 'x' }));
    });
    const log = clientOf(url).machines.log('m', { last: 1, follow: true });
    expect((await log.next()).value).toMatchObject({ text: 'a' });
    expect((await log.next()).value).toMatchObject({ text: 'b' });
    expect(asked).toEqual(['last=1&wait=0', 'wait=25']);
    await log.return(undefined);
  });

  it('passes on a code that this version does not know, and when to come back', async () => {
    const url = await against((_, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '7' });
      response.end('{"error":"too many","code":"quota.exceeded","limit":3}');
    });
    await expect(clientOf(url).machines.tags()).rejects.toMatchObject({
      code: 'server.rejected',
      message: 'too many',
      details: { status: 429, code: 'quota.exceeded', limit: 3, retryAfterMs: 7000 },
    });
  });

  it('does not take a web page for the server', async () => {
    const url = await against((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<title>Sign in</title>');
    });
    await expect(clientOf(url).ready()).rejects.toMatchObject({ code: 'server.garbled' });
  });

  it.each([
    'null',
    '[]',
    '{"machines":{}}',
    '{"machines":[],"next_cursor":"x"}',
    '{"machines":[null]}',
    '{"machines":[{"config":{}}]}',
    '['.repeat(9999),
  ])('takes %.20s for no list of machines', async (text) => {
    const url = await against((_, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(text);
    });
    const listed = clientOf(url).machines.list().toArray();
    await expect(listed).rejects.toMatchObject({ code: 'server.garbled' });
  });

  it('says that nobody answers', async () => {
    await expect(clientOf('http://127.0.0.1:1').ready()).rejects.toMatchObject({
      code: 'server.unreachable',
      message: expect.stringContaining('http://127.0.0.1:1'),
    });
  });

  it('says of a backup that it broke off, and of one that is stopped why', async () => {
    const url = await against((request, response) => {
      const broken = request.url === '/broken/api/backup';
      response.write('{}\n', () => broken && response.destroy());
    });
    const stop = new AbortController();
    const read = async (path: string, signal: AbortSignal): Promise<void> => {
      for await (const part of await clientOf(url + path).backup({ signal })) {
        expect(Buffer.from(part).toString()).toBe('{}\n');
        stop.abort(new Error('stopped'));
      }
    };
    await expect(read('/broken', new AbortController().signal)).rejects.toMatchObject({
      code: 'server.unreachable',
      message: expect.stringContaining('the backup broke off'),
    });
    await expect(read('', stop.signal)).rejects.toThrow(/^stopped$/);
  });

  it('is given up by its signal, by that of the client, and after its time', async () => {
    const url = await against(() => {});
    const reason = new Error('the operator left');
    for (const where of ['call', 'client']) {
      const leave = new AbortController();
      const client = clientOf(url, where === 'client' ? { signal: leave.signal } : {});
      const ready = client.ready(where === 'call' ? { signal: leave.signal } : {});
      leave.abort(reason);
      await expect(ready).rejects.toBe(reason);
    }
    await expect(clientOf(url, { timeoutMs: 50 }).ready()).rejects.toMatchObject({
      code: 'server.unreachable',
      cause: { message: expect.stringContaining('within 0.05 s') },
    });
  });

  it('leaves the others alone when it is given up', async () => {
    const pending: (() => void)[] = [];
    const url = await against((_, response) => {
      pending.push(() => response.setHeader('content-type', 'application/json').end('{"tags":[]}'));
    });
    const client = clientOf(url);
    const leave = new AbortController();
    const given = client.machines.tags({ signal: leave.signal });
    const kept = client.machines.tags();
    await expect.poll(() => pending.length).toBe(2);
    leave.abort();
    await expect(given).rejects.toMatchObject({ name: 'AbortError' });
    for (const answer of pending) answer();
    expect(await kept).toEqual([]);
  });

  it.each(['', '.', '..', '\ud800'])(
    'refuses the name %j, which would lead elsewhere',
    async (name) => {
      const { machines, templates } = clientOf('http://127.0.0.1:1');
      await expect(machines.delete(name)).rejects.toMatchObject({ code: 'request.invalid' });
      await expect(templates.get(name)).rejects.toMatchObject({ code: 'request.invalid' });
    },
  );

  it.each<[string, ClientOptions]>([
    ['machines.example', {}],
    ['http://me:secret@machines.example', {}],
    ['https://machines.example', { token: 'two words' }],
    ['https://machines.example', { caSha256: 'abc' }],
    ['http://machines.example', { caSha256: 'a'.repeat(64) }],
    ['http://machines.example', { ca: 'PEM' }],
    ['https://machines.example', { ca: 'PEM', caSha256: 'a'.repeat(64) }],
  ])('is not made with %s %j', (url, options) => {
    expect(() => new Client(url, options)).toThrow(
      expect.objectContaining({ code: 'config.invalid' }),
    );
  });
});

describe.skipIf(!hasOpenssl)('a server with TLS (needs openssl)', () => {
  let ca: TestCa;
  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => ca.remove());

  it('is trusted by its CA, or by the SHA-256 of it, and by nothing else', async () => {
    const { url } = await startServer({
      tls: ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01'),
    });
    const colons = (ca.sha256.toUpperCase().match(/../g) ?? []).join(':');
    for (const trust of [{ ca: ca.pem }, { caSha256: ca.sha256 }, { caSha256: colons }]) {
      await expect(clientOf(url, trust).ready()).resolves.toBeUndefined();
    }
    for (const trust of [{}, { caSha256: 'a'.repeat(64) }]) {
      await expect(clientOf(url, trust).ready()).rejects.toMatchObject({
        code: 'server.untrusted',
        message: expect.stringContaining('caSha256'),
      });
    }
  });

  it('is not believed about the time', async () => {
    const { url } = await startServer({
      tls: ca.issue('IP:127.0.0.1', '2020-01-01', '2021-01-01'),
    });
    await expect(clientOf(url, { caSha256: ca.sha256 }).ready()).rejects.toMatchObject({
      code: 'server.untrusted',
      message: expect.stringContaining('expired on 2021-01-01'),
    });
  });
});
