// Calls of the client that do not go as they should, and whom it trusts.
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client, type ClientOptions } from '../../src/client/client.ts';
import { startServer } from '../server/harness.ts';
import { hasOpenssl, TestCa } from '../transport/test-ca.ts';
import { clientOf, against } from './client-of.ts';

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

  it.each([
    ['is lost', (_: unknown, response: ServerResponse) => void response.destroy()],
    [
      'is cut',
      (_: unknown, response: ServerResponse) => void response.write('{', () => response.destroy()),
    ],
    ['is no document', (_: unknown, response: ServerResponse) => void response.end('null')],
  ])('says that a change may have been made whose answer %s', async (_how, answer) => {
    const url = await against(answer);
    const client = clientOf(url);
    const mayBeDone = { message: expect.stringContaining('may have been done') };
    await expect(client.machines.create({ mac: '02:00:00:00:00:01' })).rejects.toMatchObject(
      mayBeDone,
    );
    await expect(client.settings.delete('a')).rejects.toMatchObject(mayBeDone);
    await expect(client.ready()).rejects.not.toMatchObject(mayBeDone);
    const plan = client.workflows.plan({ machine_id: 'a', template: 'b' });
    await expect(plan).rejects.not.toMatchObject(mayBeDone);
  });

  it('does not say so where nobody was asked', async () => {
    const client = clientOf('http://127.0.0.1:1');
    await expect(client.settings.delete('a')).rejects.toMatchObject({
      message: expect.stringContaining('cannot reach http://127.0.0.1:1'),
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
