// The client against the real server over loopback.
import { describe, expect, it } from 'vitest';
import openapi from '../../openapi.json' with { type: 'json' };
import type { Template } from '../../src/model/documents/template.ts';
import {
  checkin,
  imageTemplate,
  rebootTemplate,
  registered,
  startServer,
  type TestServer,
} from '../server/harness.ts';
import { clientOf, against } from './client-of.ts';

// As the harness writes them down, for the wire.
const debian = imageTemplate as Template;

const restart = rebootTemplate as Template;

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

describe('the client', () => {
  it('lists machines by document and by page, filtered', async () => {
    const server = await startServer();
    const ids = await registered(server, 5);
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
    expect(await registered(server, 1)).toEqual([value.id]);
    await expect(machines.create({ mac: '02:00:00:00:00:01' })).rejects.toMatchObject({
      code: 'machine.exists',
    });
  });

  it('changes a machine if it is still as it was read', async () => {
    const server = await startServer();
    const [id = ''] = await registered(server, 1);
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
    const ids = await registered(server, 2);
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
    const [id = ''] = await registered(server, 1);
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
    const [id = ''] = await registered(server, 1);
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
    const ids = await registered(server, 2);
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
