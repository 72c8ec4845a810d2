// Machines over HTTP: the list, changes, passwords of BMCs.
import { describe, expect, it } from 'vitest';
import { newKeyLine, SecretBox } from '../../../src/server/access/secrets.ts';
import { checkin, rebootTemplate, startServer, type TestServer } from '../harness.ts';

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
