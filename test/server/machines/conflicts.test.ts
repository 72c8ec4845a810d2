// Identity conflicts, and what decides them.
import { describe, expect, it } from 'vitest';
import type { IdentityConflict } from '../../../src/model/history.ts';
import { checkin, startServer, type TestServer } from '../harness.ts';

async function register(server: TestServer, n: number, more: Record<string, unknown> = {}) {
  const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n, more) });
  return String(body.machine_id);
}

const patch = (server: TestServer, id: string, body: unknown, headers = {}) =>
  server.call('PATCH', `/api/machines/${id}`, { body, headers });

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
