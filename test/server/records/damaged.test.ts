// One bad record in the store, in every form that damage can take: everything else is answered, and it is named.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { backUp } from '../../../src/store/backup/backup.ts';
import { checkStore } from '../../../src/store/check.ts';
import { storeOver } from '../../../src/store/kv-store.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { openStoreOn } from '../../../src/store/open.ts';
import { runLine } from '../../cli/run-command.ts';
import { damagedCommands } from '../../../src/cli/operator/administration/damaged.ts';
import { checkin, rebootTemplate, registrar, startServer, temporaryDirectory } from '../harness.ts';

async function serverWith(kv: MemoryKv) {
  return startServer({ store: await openStoreOn(kv) });
}

/** A machine of which every part is there. */
const full = checkin(2, {
  smbios_uuid: '4c4c4544-0042-3510-8054-b4c04f4d3732',
  disks: [{ name: 'sda', size_bytes: 10 ** 12, serial: 'S1', model: 'M' }],
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:02' }],
  gpus: [{ name: 'G' }],
  existing_os: { name: 'Debian' },
  agent_version: '0.2.0',
  boot_id: 'b',
});

/** Every way to the fields of a document, as lists of names. */
function* paths(value: unknown, at: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, item] of Object.entries(value)) {
    yield [...at, name];
    yield* paths(item, [...at, name]);
  }
}

function changed(document: object, path: readonly string[], to: unknown): object {
  const copy = structuredClone(document);
  let inside: Record<string, unknown> = Object(copy);
  for (const name of path.slice(0, -1)) inside = Object(inside[name]);
  const last = path.at(-1) ?? '';
  if (to === undefined) delete inside[last];
  else inside[last] = to;
  return copy;
}

describe('one bad record', () => {
  it('of any kind leaves the lists, filters, metrics and backups of the others, and is named', async () => {
    const kv = new MemoryKv();
    const server = await serverWith(kv);
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    await server.call('PUT', '/api/settings/a', { body: { value: '1' } });
    const tag = { tags: ['rack'] };
    await server.call('PATCH', `/api/machines/${body.machine_id}`, { body: tag });
    const bad = ['machines', 'templates', 'workflows', 'settings', 'conflicts', 'audit'];
    await kv.commit(
      [],
      [
        ...bad.map((table) => ({ key: `${table}/00bad`, value: '{"id":' })),
        { key: 'machines_by_tag/rack/00bad', value: '' },
        { key: 'machines_by_state/Discovered/00bad', value: '' },
      ],
    );
    for (const query of ['', '?q=host-1', '?tag=rack', '?state=Discovered', '?limit=1']) {
      const { status, body: list } = await server.call('GET', `/api/machines${query}`);
      expect([query, status]).toEqual([query, 200]);
      expect(list.damaged).toEqual([
        { record: 'machines/00bad', code: 'store.damaged', error: expect.any(String) },
      ]);
    }
    for (const kind of bad.slice(1)) {
      const { status, body: list } = await server.call('GET', `/api/${kind}`);
      expect([kind, status, list.damaged?.[0]?.record]).toEqual([kind, 200, `${kind}/00bad`]);
    }
    const { body: metrics } = await server.call('GET', '/metrics');
    expect(metrics).toContain('dragonfly_machines{state="Discovered",liveness="online"} 1');
    expect(metrics).toContain('dragonfly_damaged_records 6');
    expect((await server.call('GET', '/api/tags')).body.tags).toEqual([
      { tag: 'rack', machines: 1 },
    ]);
    const one = await server.call('GET', '/api/machines/00000000-0000-0000-0000-000000000bad');
    expect(one.status).toBe(404);
    const named: string[] = [];
    const file = join(temporaryDirectory(), 'backup');
    await backUp(kv, file, { onDamaged: ({ record }) => named.push(record) });
    // The audit log is in no backup.
    expect(named).toHaveLength(5);
  });

  it('is listed, looked at and deleted, over the API and by command', async () => {
    const kv = new MemoryKv();
    const server = await serverWith(kv);
    await kv.commit(
      [],
      [
        { key: 'templates/odd', value: '<html>' },
        { key: 'workflows/w', value: '[]' },
        { key: 'workflows_by_machine/m/w', value: '' },
      ],
    );
    const env = { DRAGONFLY_SERVER: server.url, DRAGONFLY_CONTEXTS: '/nonexistent' };
    const run = (line: string) => runLine(damagedCommands, line.split(' '), { env });
    const list = await run('damaged list -o name');
    expect([list.code, list.stdout]).toEqual([1, 'templates/odd\nworkflows/w\n']);
    expect((await run('damaged get templates/odd')).stdout).toBe('<html>\n');
    expect((await run('damaged delete templates/odd')).stdout).toBe('templates/odd deleted\n');
    const gone = await server.call('GET', '/api/damaged/templates/odd');
    expect([gone.status, gone.body.code]).toEqual([404, 'damaged.unknown']);
    expect((await server.call('DELETE', '/api/damaged/workflows/w')).status).toBe(204);
    expect(await kv.read([{ key: 'workflows_by_machine/m/w' }])).toEqual([[]]);
    // A record that can be read is not to be had this way, and not to be deleted.
    await server.call('PUT', '/api/settings/a', { body: { value: '1' } });
    expect((await server.call('GET', '/api/damaged/settings/a')).status).toBe(404);
    expect((await server.call('DELETE', '/api/damaged/settings/a')).status).toBe(404);
    expect((await run('damaged list')).code).toBe(0);
    const { body: audit } = await server.call('GET', '/api/audit?record=workflows/w');
    expect(audit.entries.map(({ action }: { action: string }) => action)).toEqual([
      'damaged.delete',
    ]);
  });

  it.each([[7], ['x'], [{ a: null }], [[null]], [['x']]])(
    'of a workflow, whose actions are %j, leaves lists, counts and metrics',
    async (actions) => {
      const kv = new MemoryKv();
      const server = await serverWith(kv);
      const name = '01900000-0000-7000-8000-0000000000a1';
      const document = {
        metadata: { name },
        spec: { hardwareRef: name, templateRef: 't' },
        status: { actions },
      };
      const key = `workflows/${name}`;
      await kv.commit([], [{ key, value: JSON.stringify(document) }]);
      for (const path of ['/api/workflows?state=active', '/api/workflows/counts', '/metrics'])
        expect([path, (await server.call('GET', path)).status]).toEqual([path, 200]);
      const { body } = await server.call('GET', '/api/workflows');
      expect(body).toMatchObject({ workflows: [], damaged: [{ record: key }] });
    },
  );

  it('of a machine keeps nothing of the others from being written at the end', async () => {
    const kv = new MemoryKv();
    let isUnwritten = false;
    const server = await startServer({
      store: await openStoreOn(kv),
      onUnwritten: () => (isUnwritten = true),
    });
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const beat = { body: { machine_id: body.machine_id } };
    expect((await server.call('POST', '/api/agent/heartbeat', beat)).status).toBe(200);
    await kv.commit([], [{ key: `machines/${body.machine_id}`, value: '{' }]);
    await server.app.close();
    expect(isUnwritten).toBe(false);
  });

  it('that another server deleted, or that was put aside, is not counted for ever', async () => {
    const kv = new MemoryKv();
    const store = storeOver(kv);
    const odd = ['templates/odd', 'settings/odd', 'workflows/odd'];
    await kv.commit(
      [],
      odd.map((key) => ({ key, value: '<html>' })),
    );
    await Promise.all([store.templates.list(), store.settings.list(), store.workflows.list()]);
    const known = () => store.damage.known().map(({ record }) => record);
    expect(known().toSorted()).toEqual(odd.toSorted());
    await storeOver(kv).damage.delete('templates/odd');
    await checkStore(kv, new Date(), () => {});
    await kv.commit([], [{ key: 'settings/odd', value: '<html>' }]);
    await store.damage.forgetGone();
    expect(known()).toEqual(['settings/odd']);
  });

  it.each([
    ['a token', { token: '{"key":' }],
    ['the mark that there was one', { closed: 'no json' }],
  ])('is no way in: %s keeps the server closed', async (_name, values) => {
    const kv = new MemoryKv();
    const store = storeOver(kv);
    await createToken(store, systemClock, { name: 'ops', scope: 'full', expiresAt: null });
    // A store of version 0.1.0 has a token and no mark, one without tokens may have the mark alone.
    const { token, closed }: { token?: string; closed?: string } = values;
    const operations = [
      { key: 'settings/~007Eauth.token.ops', value: token },
      { key: 'settings/~007Eauth.closed', value: closed },
    ];
    await kv.commit([], operations);
    const server = await serverWith(kv);
    expect((await server.call('GET', '/api/machines')).status).toBe(401);
  });

  it('is no way in: nor is the mark that there was a token, once it is put aside', async () => {
    const kv = new MemoryKv();
    const store = storeOver(kv);
    await createToken(store, systemClock, { name: 'ops', scope: 'full', expiresAt: null });
    await store.tokens.delete('ops');
    await kv.commit([], [{ key: 'settings/~007Eauth.closed', value: 'no json' }]);
    expect((await checkStore(kv, new Date(), () => {})).repaired).toBe(1);
    const server = await serverWith(kv);
    expect((await server.call('GET', '/api/machines')).status).toBe(401);
  });

  it.each([
    ['the only token of version 0.1.0', 'settings/~007Eauth.token.ops'],
    ['the mark that version 0.1.0 reads', 'settings/~007Eauth.token.~007Eclosed'],
    ['the mark', 'settings/~007Eauth.closed'],
  ])('is no way in once it is put aside: %s', async (_, key) => {
    const kv = new MemoryKv();
    await kv.commit([], [{ key, value: '{"key":' }]);
    expect((await checkStore(kv, new Date(), () => {})).repaired).toBe(1);
    const server = await serverWith(kv);
    expect((await server.call('GET', '/api/machines')).status).toBe(401);
    const found = await checkStore(kv, new Date(), () => {});
    expect(found.findings).toBe(0);
  });

  it('a history that cannot be read does not stop its machine, and is put aside', async () => {
    const kv = new MemoryKv();
    const server = await serverWith(kv);
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const key = `machine_history/${body.machine_id}`;
    await kv.commit([], [{ key, value: '{"changes":1}' }]);
    const more = { hostname: 'other', disks: [{ name: 'sda', size_bytes: 1, serial: 'x' }] };
    const { status } = await server.call('POST', '/api/agent/checkin', { body: checkin(1, more) });
    expect(status).toBe(200);
    const patched = await server.call('PATCH', `/api/machines/${body.machine_id}`, {
      body: { hostname: 'new' },
    });
    expect(patched.status).toBe(200);
    const history = await server.call('GET', `/api/machines/${body.machine_id}/history`);
    expect(history.status).toBe(200);
    const raw = await server.call('GET', `/api/damaged/${key}`);
    expect(raw.body).toMatchObject({ aside: true, value: '{"changes":1}' });
  });
});

describe('a record with any one field of another type', () => {
  let document: object = {};
  let key = '';
  const kv = new MemoryKv();

  beforeAll(async () => {
    const store = await openStoreOn(kv);
    const { machine } = await registrar(store, systemClock)(full);
    const { value } = machine;
    document = { ...value, config: { ...value.config, tags: ['rack'] } };
    key = `machines/${value.id}`;
  });

  it.each([
    ['null', null],
    ['a number', 7],
    ['a text', 'x'],
    ['a list', [null]],
    ['an object', { a: null }],
    ['nothing', undefined],
  ])('%s: every list goes on', async (_name, value) => {
    const mine = new MemoryKv();
    const server = await serverWith(mine);
    await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    const indexes = ['machines_by_tag/rack/', 'machines_by_state/Discovered/'];
    const name = key.slice(key.indexOf('/') + 1);
    const failures: string[] = [];
    for (const path of paths(document)) {
      const text = JSON.stringify(changed(document, path, value));
      const entries = indexes.map((index) => ({ key: index + name, value: '' }));
      await mine.commit([], [{ key, value: text }, ...entries]);
      for (const query of ['?q=host-1', '?tag=rack', '?dialect=dragonfly']) {
        const { status, body } = await server.call('GET', `/api/machines${query}`);
        const isGood = status === 200 && (query === '?tag=rack' || body.machines.length >= 1);
        if (!isGood) failures.push(`${path.join('.')} ${query}: ${status}`);
      }
    }
    expect(failures).toEqual([]);
  });
});
