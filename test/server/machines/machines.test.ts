import { describe, expect, it } from 'vitest';
import type { IdentityConflict } from '../../../src/model/history.ts';
import { loadMachine } from '../../../src/server/machines/machines.ts';
import { newKeyLine, SecretBox } from '../../../src/server/access/secrets.ts';
import {
  checkin,
  imageTemplate,
  rebootTemplate,
  startServer,
  type TestServer,
} from '../harness.ts';

async function register(server: TestServer, n: number, more: Record<string, unknown> = {}) {
  const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n, more) });
  return String(body.machine_id);
}

const patch = (server: TestServer, id: string, body: unknown, headers = {}) =>
  server.call('PATCH', `/api/machines/${id}`, { body, headers });

describe('the list of machines', () => {
  it('comes in pages in the order of registration, each machine once', async () => {
    const server = await startServer();
    const ids: string[] = [];
    for (let n = 0; n < 25; n++) ids.push(await register(server, n));
    const listed: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { body } = await server.call('GET', `/api/machines?limit=10${query}`);
      listed.push(...body.machines.map((m: { id: string }) => m.id));
      cursor = body.next_cursor;
    }
    expect(listed).toEqual(ids);
  });

  it('is filtered by tag, state, liveness and words', async () => {
    const server = await startServer();
    const [a, b, c] = [
      await register(server, 1),
      await register(server, 2),
      await register(server, 3),
    ];
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    await patch(server, a, { tags: ['rack-1', 'ssd'] });
    await patch(server, b, { tags: ['rack-1'], os_choice: 'restart', labels: { owner: 'Quirin' } });
    const find = async (query: string) => {
      const { body } = await server.call('GET', `/api/machines?${query}`);
      return body.machines.map((m: { id: string }) => m.id);
    };
    expect(await find('tag=rack-1')).toEqual([a, b]);
    expect(await find('state=Ready')).toEqual([b]);
    expect(await find('tag=rack-1&state=Discovered')).toEqual([a]);
    expect(await find('liveness=online')).toEqual([a, b, c]);
    expect(await find('liveness=gone')).toEqual([]);
    expect(await find('q=host-3')).toEqual([c]);
    expect(await find('q=02:00:00:00:00:02')).toEqual([b]);
    // A word that is in no memorable name.
    expect(await find('q=QUIRIN%20rack-1')).toEqual([b]);
    expect(await find('q=quirin%20ssd')).toEqual([]);
    expect(await find('q=02-00-00-00-00-02')).toEqual([b]);
    expect(await find('q=tag:rack-*%20-tag:ssd')).toEqual([b]);
    expect(await find('q=label:owner=quirin')).toEqual([b]);
    expect(await find('q=live:online%20added:1h')).toEqual([a, b, c]);
    const { status, body } = await server.call('GET', '/api/machines?q=labl:x');
    expect([status, body.code]).toEqual([422, 'request.invalid']);
    expect(body.error).toContain('did you mean label:');
    for (const q of ['tag:', 'rack-1 tag:', 'seen:>7', '-']) {
      const refused = await server.call('GET', `/api/machines?q=${encodeURIComponent(q)}`);
      expect([q, refused.status, refused.body.code]).toEqual([q, 422, 'request.invalid']);
    }
  });

  it('finds what is rare among many, over several pages', async () => {
    const server = await startServer();
    for (let n = 0; n < 60; n++) await register(server, n);
    const found: string[] = [];
    let cursor: string | null = '';
    for (let pages = 0; cursor !== null && pages < 100; pages++) {
      const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { body } = await server.call('GET', `/api/machines?limit=4&q=host-5${after}`);
      expect(body.machines.length).toBeLessThanOrEqual(4);
      found.push(...body.machines.map((m: { report: { hostname: string } }) => m.report.hostname));
      cursor = body.next_cursor;
    }
    expect(found.toSorted()).toEqual(
      ['host-5', ...Array.from({ length: 10 }, (_, i) => `host-5${i}`)].toSorted(),
    );
  });
});

describe('changing a machine', () => {
  it('keeps what is not named, and says in the history what changed', async () => {
    const server = await startServer();
    const id = await register(server, 1);
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    await patch(server, id, { tags: ['a', 'a', 'b'], labels: { x: 'y' } });
    const { body } = await patch(server, id, { hostname: 'db1', os_choice: 'restart' });
    expect(body.config).toMatchObject({ hostname: 'db1', tags: ['a', 'b'], os_choice: 'restart' });
    expect(body.metadata.labels).toEqual({ x: 'y' });
    expect(body.status.state).toBe('Ready');
    const { body: told } = await server.call('GET', `/api/machines/${id}/history`);
    expect(told.history).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ what: 'state', before: 'Discovered', after: 'Ready' }),
        expect.objectContaining({ what: 'hostname', after: 'db1' }),
      ]),
    );
    const cleared = await patch(server, id, { os_choice: null });
    expect(cleared.body.status.state).toBe('Discovered');
  });

  it.each([
    [{ hostnam: 'x' }, 'hostnam'],
    [{ hostname: 'a\nb' }, 'hostname'],
    [{ tags: 'a' }, 'tags'],
    [{ tags: [1] }, 'tags[0]'],
    [{ tags: ['a\u0000'] }, 'tags[0]'],
    [{ tags: Array.from({ length: 65 }, String) }, 'tags'],
    [{ offline: 'true' }, 'offline'],
    [{ bmc: { address: 'a', username: 'b', bmc_type: 'Telnet' } }, 'bmc.bmc_type'],
    [{ labels: { a: 1 } }, 'labels.a'],
  ])('refuses %j and names the field', async (body, path) => {
    const server = await startServer();
    const answer = await patch(server, await register(server, 1), body);
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ code: 'request.invalid', path });
  });

  it('refuses an os_choice that there is no template for', async () => {
    const server = await startServer();
    const answer = await patch(server, await register(server, 1), { os_choice: 'nothing' });
    expect(answer.status).toBe(404);
    expect(answer.body.code).toBe('template.unknown');
  });

  it('refuses a change that is based on an old reading', async () => {
    const server = await startServer();
    const id = await register(server, 1);
    const etag = (await server.call('GET', `/api/machines/${id}`)).headers.get('etag') ?? '';
    const first = await patch(server, id, { tags: ['a'] }, { 'if-match': etag });
    const second = await patch(server, id, { tags: ['b'] }, { 'if-match': etag });
    expect([first.status, second.status]).toEqual([200, 412]);
    expect(second.body.code).toBe('request.stale');
    const third = await patch(
      server,
      id,
      { tags: ['b'] },
      { 'if-match': first.headers.get('etag') ?? '' },
    );
    expect(third.status).toBe(200);
  });

  it('loses none of many changes at once', async () => {
    const server = await startServer();
    const id = await register(server, 1);
    await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        server.call('POST', '/api/machines/bulk', { body: { ids: [id], add_tags: [`t${n}`] } }),
      ),
    );
    const { body } = await server.call('GET', `/api/machines/${id}`);
    expect(body.config.tags).toHaveLength(12);
  });

  it('marks it Offline and brings it back to what it had reached', async () => {
    const server = await startServer();
    const id = await register(server, 1);
    await server.call('PUT', '/api/templates/restart', { body: rebootTemplate });
    await patch(server, id, { os_choice: 'restart' });
    expect((await patch(server, id, { offline: true })).body.status.state).toBe('Offline');
    expect((await patch(server, id, { offline: false })).body.status.state).toBe('Ready');
  });
});

describe('a BMC password', () => {
  const bmc = { address: '192.0.2.9', username: 'root', bmc_type: 'Redfish' };

  it('is stored encrypted, never shown, and kept when it is not sent again', async () => {
    const secretKeys = newKeyLine();
    const server = await startServer({ secretKeys });
    const id = await register(server, 1);
    const set = await patch(server, id, { bmc: { ...bmc, password: 'hunter2hunter2' } });
    expect(set.body.config.bmc).toEqual(bmc);
    await patch(server, id, { bmc: { ...bmc, username: 'admin' } });
    const stored = (await server.store.machines.get(id))?.value;
    expect(JSON.stringify(stored)).not.toContain('hunter2');
    const box = new SecretBox(secretKeys);
    expect(box.open(stored?.config.bmc?.password_encrypted ?? '', id)).toBe('hunter2hunter2');
    for (const path of [`/api/machines/${id}`, '/api/machines', `/api/machines/${id}/history`]) {
      expect(JSON.stringify((await server.call('GET', path)).body)).not.toMatch(
        /hunter2|password|v1:/,
      );
    }
  });

  it('is refused without a key, and the machine stays as it was', async () => {
    const server = await startServer();
    const id = await register(server, 1);
    const answer = await patch(server, id, { bmc: { ...bmc, password: 'x' } });
    expect([answer.status, answer.body.code]).toEqual([409, 'secret.no-key']);
    expect((await server.store.machines.get(id))?.value.config.bmc).toBeNull();
  });

  it('opens only for its machine, with its key, unaltered', () => {
    const [old, next] = [newKeyLine(), newKeyLine()];
    const sealed = new SecretBox(old).seal('secret', 'a');
    expect(new SecretBox(`${next}\n${old} # the one before\n`).open(sealed, 'a')).toBe('secret');
    expect(new SecretBox(old).seal('secret', 'a')).not.toBe(sealed);
    const fail = (box: SecretBox, text: string, owner: string) => () => box.open(text, owner);
    const damaged = expect.objectContaining({ code: 'secret.damaged' });
    expect(fail(new SecretBox(old), sealed, 'b')).toThrow(damaged);
    const altered = sealed.replace(/.(?=...$)/, (digit) => (digit === 'A' ? 'B' : 'A'));
    expect(fail(new SecretBox(old), altered, 'a')).toThrow(damaged);
    expect(fail(new SecretBox(old), 'nonsense', 'a')).toThrow(damaged);
    expect(fail(new SecretBox(next), sealed, 'a')).toThrow(
      expect.objectContaining({ code: 'secret.no-key' }),
    );
    expect(() => new SecretBox('dG9vIHNob3J0')).toThrow(
      expect.objectContaining({ code: 'config.invalid' }),
    );
  });
});

describe('many machines at once', () => {
  it('are each changed by themselves, and what fails is said for that one', async () => {
    const server = await startServer();
    await server.call('PUT', '/api/templates/debian', { body: imageTemplate });
    const os = { existing_os: { name: 'Debian 12', device: '/dev/sda1' } };
    const [bare, used] = [await register(server, 1), await register(server, 2, os)];
    const nobody = '01890000-0000-7000-8000-000000000000';
    const { body } = await server.call('POST', '/api/machines/bulk', {
      body: {
        ids: [bare, used, nobody],
        add_tags: ['new'],
        workflow: { template: 'debian' },
      },
    });
    expect(body.changed).toBe(1);
    expect(
      Object.fromEntries(
        body.failed.map((f: { machine_id: string; failure: { code: string } }) => [
          f.machine_id,
          f.failure.code,
        ]),
      ),
    ).toEqual({ [used]: 'machine.has-os', [nobody]: 'machine.unknown' });
  });

  it('are deleted, with their history', async () => {
    const server = await startServer();
    const ids = [await register(server, 1), await register(server, 2)];
    const { body } = await server.call('POST', '/api/machines/bulk', {
      body: { ids, delete: true },
    });
    expect(body).toEqual({ changed: 2, failed: [] });
    expect((await server.call('GET', '/api/machines')).body.machines).toEqual([]);
  });
});

describe('tags', () => {
  const decomposed = 'ra\u0308ck';
  const mac = '02:00:00:00:09:09';

  it('are listed with their machines and taken off all of them', async () => {
    const server = await startServer();
    const ids = [await register(server, 1), await register(server, 2)];
    await server.call('POST', '/api/machines/bulk', { body: { ids, add_tags: ['a b', 'c'] } });
    await server.call('POST', '/api/machines/bulk', {
      body: { ids: ids.slice(1), remove_tags: ['c'] },
    });
    const tags = async () => (await server.call('GET', '/api/tags')).body.tags;
    expect(await tags()).toEqual([
      { tag: 'a b', machines: 2 },
      { tag: 'c', machines: 1 },
    ]);
    const gone = await server.call('DELETE', `/api/tags/${encodeURIComponent('a b')}`);
    expect(gone.body).toEqual({ changed: 2 });
    expect(await tags()).toEqual([{ tag: 'c', machines: 1 }]);
  });

  it('have one spelling, and nothing in them that nobody sees', async () => {
    const server = await startServer();
    const id = await register(server, 1);
    const tagsOf = async () => (await server.call('GET', `/api/machines/${id}`)).body.config.tags;
    const bulk = (body: object) =>
      server.call('POST', '/api/machines/bulk', { body: { ids: [id], ...body } });
    const found = async (tag: string) => {
      const { body } = await server.call('GET', `/api/machines?tag=${encodeURIComponent(tag)}`);
      return body.machines.length;
    };
    await patch(server, id, { tags: ['räck', decomposed] });
    await bulk({ add_tags: [decomposed] });
    expect(await tagsOf()).toEqual(['räck']);
    expect([await found('räck'), await found(decomposed)]).toEqual([1, 1]);
    for (const [{ status, body }, path] of [
      [await patch(server, id, { tags: ['a', 'b\u200b'] }), 'tags[1]'],
      [await bulk({ add_tags: ['b\u202e'] }), 'add_tags[0]'],
      [await server.call('POST', '/api/machines', { body: { mac, tags: ['\u3164'] } }), 'tags[0]'],
    ] as const) {
      expect([status, body.path]).toEqual([422, path]);
    }
    await bulk({ remove_tags: [decomposed] });
    expect(await tagsOf()).toEqual([]);
    await patch(server, id, { tags: ['räck'] });
    expect(
      (await server.call('DELETE', `/api/tags/${encodeURIComponent(decomposed)}`)).body,
    ).toEqual({ changed: 1 });
  });

  it('that an older version took stay as they are until they are removed', async () => {
    const server = await startServer();
    const id = await register(server, 1);
    const { value } = await loadMachine(server, id);
    const old = [decomposed, 'a\u200b', ' '];
    const store = () =>
      server.store.machines.put({ ...value, config: { ...value.config, tags: old } });
    await store();
    const list = await server.call('GET', `/api/machines?tag=${encodeURIComponent(decomposed)}`);
    expect(list.body.machines).toHaveLength(1);
    const more = await patch(server, id, { tags: [...old, 'new'] });
    expect(more.body.config.tags).toEqual([...old, 'new']);
    const { body } = await server.call('POST', '/api/machines/bulk', {
      body: { ids: [id], add_tags: ['b'], remove_tags: [decomposed, 'a\u200b'] },
    });
    expect(body).toEqual({ changed: 1, failed: [] });
    expect((await server.call('GET', `/api/machines/${id}`)).body.config.tags).toEqual([
      ' ',
      'new',
      'b',
    ]);
    expect((await server.call('DELETE', '/api/tags/%20')).body).toEqual({ changed: 1 });
    await store();
    expect(
      (await server.call('DELETE', `/api/tags/${encodeURIComponent(decomposed)}`)).body,
    ).toEqual({ changed: 1 });
  });
});

describe('an identity conflict', () => {
  /** A machine whose evidence points at another one: a conflict that names it. */
  async function conflicting(server: TestServer) {
    const [candidate, arrived] = [await register(server, 1), await register(server, 2)];
    await patch(server, candidate, { hostname: 'kept', tags: ['kept'] });
    const conflict: IdentityConflict = {
      id: '01890000-0000-7000-8000-00000000000c',
      machine_id: arrived,
      reason: 'contradicted',
      candidates: [{ machine_id: candidate, evidence: ['one MAC is the same'] }],
      created_at: '2026-01-01T00:00:00Z',
      resolution: null,
    };
    await server.store.conflicts.put(conflict, 'absent');
    return { candidate, arrived, path: `/api/conflicts/${conflict.id}` };
  }

  it('that is accepted merges the records: the candidate keeps its id and configuration', async () => {
    const server = await startServer();
    const { candidate, arrived, path } = await conflicting(server);
    const { body } = await server.call('POST', `${path}/accept`, { body: {} });
    expect(body.resolution).toMatchObject({ decision: 'accepted', into: candidate });
    for (const part of ['', '/history']) {
      const gone = await server.call('GET', `/api/machines/${arrived}${part}`);
      expect([gone.status, gone.body.code]).toEqual([404, 'machine.unknown']);
      expect(gone.body.merged_into).toBe(candidate);
    }
    const merged = await server.call('GET', `/api/machines/${candidate}`);
    expect(merged.body.identity.primary_mac).toBe(checkin(2).mac);
    expect(merged.body.config).toMatchObject({ hostname: 'kept', tags: ['kept'] });
    // The machine comes back as the merged record from now on.
    expect(await register(server, 2)).toBe(candidate);
    const again = await server.call('POST', `${path}/accept`, { body: {} });
    expect([again.status, again.body.code]).toEqual([409, 'conflict.decided']);
    const reopened = await server.call('POST', `${path}/reopen`);
    expect([reopened.status, reopened.body.code]).toEqual([409, 'conflict.decided']);
  });

  it('that is accepted leads on, over several merges and round none, as long as there is something', async () => {
    const server = await startServer();
    const { candidate, arrived, path } = await conflicting(server);
    await server.call('POST', `${path}/accept`, { body: {} });
    const last = await register(server, 3);
    const merge = (id: string, machine_id: string, into: string): Promise<unknown> =>
      server.store.conflicts.put({
        id: `01890000-0000-7000-8000-${id}`,
        machine_id,
        reason: 'ambiguous',
        candidates: [{ machine_id: into, evidence: [] }],
        created_at: '2026-01-01T00:00:00Z',
        resolution: { decision: 'accepted', into, at: '2026-01-01T00:00:00Z' },
      });
    await merge('00000000000d', candidate, last);
    await server.store.machines.delete(candidate);
    const answer = () => server.call('GET', `/api/machines/${arrived}`);
    expect((await answer()).body.merged_into).toBe(last);
    await merge('00000000000e', last, arrived);
    await server.store.machines.delete(last);
    const { status, body } = await answer();
    expect([status, body.merged_into]).toEqual([404, undefined]);
  });

  it('that is split leaves two machines', async () => {
    const server = await startServer();
    const { candidate, arrived, path } = await conflicting(server);
    await server.call('POST', `${path}/split`);
    expect((await server.call('GET', '/api/conflicts')).body.conflicts).toEqual([]);
    expect((await server.call('GET', '/api/conflicts?all=true')).body.conflicts).toHaveLength(1);
    const { body } = await server.call('POST', `${path}/reopen`);
    expect(body.resolution).toBeNull();
    expect((await server.call('GET', '/api/conflicts')).body.conflicts).toEqual([body]);
    expect((await server.call('POST', `${path}/reopen`)).body).toEqual(body);
    expect([await register(server, 1), await register(server, 2)]).toEqual([candidate, arrived]);
  });

  it('is merged into a candidate only', async () => {
    const server = await startServer();
    const { arrived, path } = await conflicting(server);
    const answer = await server.call('POST', `${path}/accept`, { body: { into: arrived } });
    expect([answer.status, answer.body.path]).toEqual([422, 'into']);
  });
});

it('null clears a field of a machine, and changes nothing where nothing can be cleared', async () => {
  const server = await startServer({ secretKeys: newKeyLine() });
  const { body: known } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
  const path = `/api/machines/${known.machine_id}`;
  const bmc = { address: '192.0.2.9', username: 'root', bmc_type: 'Redfish' };
  const set = { tags: ['a'], labels: { a: 'b' }, hostname: 'h', bmc: { ...bmc, password: 'p' } };
  await server.call('PATCH', path, { body: set });
  const sealed = (await server.store.machines.get(known.machine_id))?.value.config.bmc;
  const kept = { offline: null, bmc: { ...bmc, password: null } };
  expect((await server.call('PATCH', path, { body: kept })).status).toBe(200);
  const after = (await server.store.machines.get(known.machine_id))?.value;
  expect([after?.status.state, after?.config.bmc]).toEqual(['Discovered', sealed]);
  const cleared = { tags: null, labels: null, hostname: null, bmc: null };
  const { body } = await server.call('PATCH', path, { body: cleared });
  expect(body.config).toMatchObject({ tags: [], hostname: null, bmc: null });
  expect(body.metadata.labels).toEqual({});
  const nameless = { bmc: { ...bmc, username: null } };
  const refused = await server.call('PATCH', path, { body: nameless });
  expect([refused.status, refused.body.path]).toEqual([422, 'bmc.username']);
});
