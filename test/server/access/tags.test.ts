// A token of an operator that is limited to machines with certain tags, on every route that there is.
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import type { Workflow } from '../../../src/model/documents/workflow.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { loadMachine } from '../../../src/server/machines/machines.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { openStoreOn } from '../../../src/store/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { checkin, rebootTemplate, startServer, wrapStore } from '../harness.ts';

async function prepared(scope: 'read' | 'operate' | 'full' = 'full', store?: Store) {
  const server = await startServer(store === undefined ? {} : { store });
  const make = (name: string, tags?: string[]) =>
    createToken(server.store, systemClock, {
      name,
      scope: tags === undefined ? 'full' : scope,
      expiresAt: null,
      tags,
    });
  const full = await make('ops');
  const limited = await make('rack', ['rack-1']);
  const enrol = await createToken(server.store, systemClock, {
    name: 'enrol',
    scope: 'enrol',
    expiresAt: null,
  });
  const ids: string[] = [];
  for (const n of [1, 2]) {
    const hello = await server.call('POST', '/api/agent/checkin', {
      body: checkin(n),
      token: enrol,
    });
    ids.push(hello.body.machine_id);
  }
  const [mine = '', other = ''] = ids;
  const as = (token: string, method: string, path: string, body?: unknown) =>
    server.call(method, path, { token, body });
  await as(full, 'PATCH', `/api/machines/${mine}`, { tags: ['rack-1'] });
  await as(full, 'PATCH', `/api/machines/${other}`, { tags: ['rack-2'] });
  await as(full, 'PUT', '/api/templates/restart', rebootTemplate);
  const ours = (method: string, path: string, body?: unknown) => as(limited, method, path, body);
  const theirs = (method: string, path: string, body?: unknown) => as(full, method, path, body);
  return { server, mine, other, ours, theirs };
}

it('sees and changes the machines with its tags, and no others', async () => {
  const { mine, other, ours, theirs } = await prepared();
  const listed = await ours('GET', '/api/machines');
  expect(listed.body.machines.map(({ id }: { id: string }) => id)).toEqual([mine]);
  const named = await ours('GET', `/api/machines?ids=${mine},${other}`);
  expect(named.body.machines).toHaveLength(1);
  expect((await ours('GET', '/api/machines?tag=rack-2')).body.machines).toEqual([]);
  for (const [method, path, body] of [
    ['GET', '/api/machines/ID'],
    ['GET', '/api/machines/ID/history'],
    ['PATCH', '/api/machines/ID', { hostname: 'db-1' }],
    ['GET', '/api/workflows?machine_id=ID'],
    ['GET', '/api/templates/restart?machine_id=ID'],
    ['POST', '/api/workflows', { machine_id: 'ID', template: 'restart', dry_run: true }],
    ['DELETE', '/api/machines/ID'],
  ] as const) {
    const call = (id: string) => {
      const filled: unknown = JSON.parse(JSON.stringify(body ?? null).replace('ID', id));
      return ours(method, path.replace('ID', id), filled ?? undefined);
    };
    const refused = await call(other);
    expect([path, refused.status, refused.body.code]).toEqual([path, 404, 'machine.unknown']);
    expect([path, [200, 204].includes((await call(mine)).status)]).toEqual([path, true]);
  }
  expect((await theirs('GET', `/api/machines/${other}`)).body.config.hostname).toBe('host-2');
});

it('learns nothing of other machines by where a page ends', async () => {
  const { mine, other, ours, theirs } = await prepared();
  await theirs('PATCH', `/api/machines/${other}`, { hostname: 'db-secret' });
  expect((await theirs('GET', '/api/machines?limit=1')).body.next_cursor).not.toBeNull();
  // The texts of all machines are read at the first search.
  await theirs('GET', '/api/machines?q=host-1');
  for (const query of [
    '',
    '&q=-name:nobody',
    '&state=Discovered',
    '&tag=rack-2',
    '&q=-live:gone',
  ]) {
    const { machines, next_cursor: next } = (await ours('GET', `/api/machines?limit=1${query}`))
      .body;
    const found = machines.map(({ id }: { id: string }) => id);
    expect([query, found, next]).toEqual([query, query === '&tag=rack-2' ? [] : [mine], null]);
  }
  await theirs('PATCH', `/api/machines/${other}`, { tags: ['rack-1'] });
  const pages: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const at = cursor === '' ? '' : `&cursor=${cursor}`;
    const { body } = await ours('GET', `/api/machines?limit=1&q=-name:nobody${at}`);
    pages.push(...body.machines.map(({ id }: { id: string }) => id));
    cursor = body.next_cursor;
  }
  expect(pages).toEqual([mine, other]);
});

it('is not told what became of a machine that was merged into one beyond its tags', async () => {
  const { server, mine, other, ours, theirs } = await prepared();
  const gone = '01890000-0000-7000-8000-0000000000aa';
  const merge = (into: string): Promise<unknown> =>
    server.store.conflicts.put({
      id: '01890000-0000-7000-8000-00000000000c',
      machine_id: gone,
      reason: 'ambiguous',
      candidates: [{ machine_id: into, evidence: [] }],
      created_at: '2026-01-01T00:00:00Z',
      resolution: { decision: 'accepted', into, at: '2026-01-01T00:00:00Z' },
    });
  await merge(other);
  expect((await theirs('GET', `/api/machines/${gone}`)).body.merged_into).toBe(other);
  const hidden = await ours('GET', `/api/machines/${gone}`);
  expect([hidden.status, hidden.body.merged_into]).toEqual([404, undefined]);
  expect(JSON.stringify(hidden.body)).not.toContain(other);
  await merge(mine);
  expect((await ours('GET', `/api/machines/${gone}`)).body.merged_into).toBe(mine);
});

it('changes many at once, and those beyond its tags are not there', async () => {
  const { mine, other, ours, theirs } = await prepared();
  const { body } = await ours('POST', '/api/machines/bulk', {
    ids: [mine, other],
    add_tags: ['new'],
  });
  expect(body.changed).toBe(1);
  expect(body.failed).toEqual([
    { machine_id: other, failure: expect.objectContaining({ code: 'machine.unknown' }) },
  ]);
  expect((await theirs('GET', `/api/machines/${other}`)).body.config.tags).toEqual(['rack-2']);
});

it('loses no machine by a change of its own', async () => {
  const { mine, ours, theirs } = await prepared();
  const bulk = { ids: [mine], add_tags: ['rack-2'], remove_tags: ['rack-1'] };
  for (const tags of [[], null, ['rack-2'], ['rack-1 2']]) {
    const { status, body } = await ours('PATCH', `/api/machines/${mine}`, { tags });
    expect([tags, status, body.code]).toEqual([tags, 403, 'auth.denied']);
  }
  for (const dry_run of [true, false]) {
    const { body } = await ours('POST', '/api/machines/bulk', { ...bulk, dry_run });
    expect([body.changed, body.failed[0].failure.code]).toEqual([0, 'auth.denied']);
  }
  const kept = await ours('PATCH', `/api/machines/${mine}`, { tags: ['rack-2', 'rack-1'] });
  expect([kept.status, kept.body.config.tags]).toEqual([200, ['rack-2', 'rack-1']]);
  expect((await theirs('PATCH', `/api/machines/${mine}`, { tags: [] })).status).toBe(200);
});

it('is good for its tags in whichever spelling of Unicode they are stored', async () => {
  const { server, mine, theirs } = await prepared();
  const { value } = await loadMachine(server, mine);
  await server.store.machines.put({ ...value, config: { ...value.config, tags: ['ra\u0308ck'] } });
  const made = await theirs('POST', '/api/tokens', {
    name: 'spelt',
    scope: 'read',
    tags: ['r\u00e4ck'],
  });
  const { token } = made.body;
  const { body } = await server.call('GET', '/api/machines', { token });
  expect(body.machines).toHaveLength(1);
  expect((await server.call('GET', `/api/machines/${mine}`, { token })).status).toBe(200);
});

it('changes many at once although the record of one cannot be read', async () => {
  const kv = new MemoryKv();
  const { mine, other, ours } = await prepared('full', await openStoreOn(kv));
  await kv.commit([], [{ key: `machines/${other}`, value: '{' }]);
  const { status, body } = await ours('POST', '/api/machines/bulk', {
    ids: [mine, other],
    add_tags: ['new'],
  });
  expect([status, body.changed]).toEqual([200, 1]);
  expect(body.failed).toEqual([
    { machine_id: other, failure: expect.objectContaining({ code: 'machine.unknown' }) },
  ]);
});

it('sees and cancels the workflows of its machines alone', async () => {
  const { mine, other, ours, theirs } = await prepared();
  const made = async (machine_id: string): Promise<string> =>
    (await theirs('POST', '/api/workflows', { machine_id, template: 'restart' })).body.metadata
      .name;
  const [own, foreign] = [await made(mine), await made(other)];
  const refused = await ours('GET', `/api/workflows/${foreign}`);
  expect([refused.status, refused.body.code]).toEqual([404, 'workflow.unknown']);
  expect(JSON.stringify(refused.body)).not.toContain(other);
  expect((await ours('POST', `/api/workflows/${foreign}/cancel`)).status).toBe(404);
  for (const query of ['', '?order=newest', '?state=active', `?machine_id=${mine}`]) {
    const { workflows } = (await ours('GET', `/api/workflows${query}`)).body;
    expect(workflows.map(({ metadata }: Workflow) => metadata.name)).toEqual([own]);
  }
  expect((await ours('GET', '/api/workflows/counts')).body.counts.pending).toBe(1);
  expect((await theirs('GET', '/api/workflows/counts')).body.counts.pending).toBe(2);
  expect((await ours('GET', `/api/workflows/${own}`)).status).toBe(200);
  expect((await ours('POST', `/api/workflows/${own}/cancel`)).status).toBe(200);
});

it.each(['read', 'operate', 'full'] as const)(
  'with scope %s no other route answers it, whatever routes there are',
  async (scope) => {
    const { server, mine, ours } = await prepared(scope);
    const keeps = new Set([
      'GET /api/machines',
      'GET /api/machines/{id}',
      'PATCH /api/machines/{id}',
      'DELETE /api/machines/{id}',
      'GET /api/machines/{id}/history',
      'GET /api/machines/{id}/logs',
      'POST /api/machines/bulk',
      'POST /api/workflows',
      'GET /api/workflows',
      'GET /api/workflows/{id}',
      'GET /api/workflows/counts',
      'POST /api/workflows/{id}/cancel',
      'GET /api/templates',
      'GET /api/templates/{name}',
      'GET /api/whoami',
      // The sender's own alone.
      'GET /api/sessions',
      'POST /api/sessions',
      'DELETE /api/sessions',
      'DELETE /api/sessions/{id}',
      'GET /api/about',
    ]);
    const document = JSON.parse(JSON.stringify(server.app.swagger()));
    const answered: string[] = [];
    for (const [path, methods] of Object.entries<Record<string, { security?: unknown[] }>>(
      document.paths,
    )) {
      for (const [method, { security }] of Object.entries(methods)) {
        const place = `${method.toUpperCase()} ${path}`;
        if (keeps.has(place) || security?.length === 0) continue;
        const filled = path.replaceAll(/\{\w+\}/g, mine);
        const body = method === 'get' ? undefined : {};
        const { status } = await ours(method.toUpperCase(), filled, body);
        if (status !== 403) answered.push(`${place}: ${status}`);
      }
    }
    expect(answered).toEqual([]);
  },
);

it('is listed with its tags, and enrolment tokens have none', async () => {
  const { theirs } = await prepared();
  const made = await theirs('POST', '/api/tokens', { name: 'new', scope: 'read', tags: ['a'] });
  expect(made.status).toBe(201);
  const { tokens } = (await theirs('GET', '/api/tokens')).body;
  expect(tokens.find(({ name }: { name: string }) => name === 'new').tags).toEqual(['a']);
  const enrol = await theirs('POST', '/api/tokens', { name: 'x', scope: 'enrol', tags: ['a'] });
  expect([enrol.status, enrol.body.path]).toEqual([422, 'tags']);
  const unseen = await theirs('POST', '/api/tokens', { name: 'y', scope: 'read', tags: ['a '] });
  expect([unseen.status, unseen.body.path]).toEqual([422, 'tags[0]']);
});

it('cancels no workflow of a machine whose tag is taken away while somebody else writes', async () => {
  let meanwhile: (() => Promise<unknown>) | undefined;
  const store = wrapStore(
    await openStoreOn(new MemoryKv()),
    (name, operation) =>
      async (...args) => {
        const act = name === 'workflows.put' ? meanwhile : undefined;
        if (act === undefined) return operation(...args);
        meanwhile = undefined;
        await act();
        throw new AppError('store.conflict', 'somebody else wrote it');
      },
  );
  const { mine, ours, theirs } = await prepared('operate', store);
  const made = await theirs('POST', '/api/workflows', { machine_id: mine, template: 'restart' });
  const path = `/api/workflows/${made.body.metadata.name}`;
  for (const cancel of [
    () => ours('POST', `${path}/cancel`),
    () => ours('POST', '/api/machines/bulk', { ids: [mine], cancel: true }),
  ]) {
    await theirs('PATCH', `/api/machines/${mine}`, { tags: ['rack-1'] });
    meanwhile = () => theirs('PATCH', `/api/machines/${mine}`, { tags: [] });
    const { status, body } = await cancel();
    expect([status, body.changed]).toBeOneOf([
      [404, undefined],
      [200, 0],
    ]);
    expect((await theirs('GET', path)).body.status.state).toBe('STATE_PENDING');
  }
});
