// Callers without a token at another address than the machine's: each row of the table in checkin/stranger.ts.
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import type { IdentityConflict } from '../../../src/model/history.ts';
import { openStore } from '../../../src/store/open.ts';
import { imageTemplate, startServer, type TestServer } from '../harness.ts';
import { stockBody } from './one-machine.ts';

const [home, elsewhere, third] = ['192.0.2.1', '198.51.100.7', '203.0.113.9'];
const mac = '02:00:00:00:00:01';
const body = stockBody(mac, home);

/** A server, or several of one store, and a machine that is heard at home. */
async function scene({ servers = 1 } = {}) {
  const clock = new ManualClock(new Date('2026-06-01T12:00:00Z'));
  const store = await openStore('memory:');
  const token = await createToken(store, clock, { name: 'ops', scope: 'full', expiresAt: null });
  const start = () => startServer({ clock, store, auth: { stockAgents: true } });
  const all = await Promise.all(Array.from({ length: servers }, start));
  const at = (server: number): TestServer => {
    const found = all[server];
    if (found === undefined) throw new Error(`there is no server ${server}`);
    return found;
  };
  const pass = (seconds: number): Promise<void> => clock.advance(seconds * 1000);
  // No machine may have been heard by a server before this one.
  await pass(60);
  const call = async (from: string, path: string, payload?: object, server = 0) => {
    const answer = await at(server).app.inject({
      method: payload === undefined ? 'GET' : 'POST',
      url: path,
      remoteAddress: from === 'operator' ? '127.0.0.1' : from,
      headers: from === 'operator' ? { authorization: `Bearer ${token}` } : {},
      ...(payload === undefined ? {} : { payload }),
    });
    const isJson = answer.headers['content-type']?.includes('json') === true;
    return { status: answer.statusCode, body: isJson ? answer.json() : undefined };
  };
  await at(0).call('PUT', '/api/templates/debian', { body: imageTemplate, token });
  /** The answer to a check-in from there: an action, or the code of the refusal. */
  const told = async (from: string, more: object = {}, server = 0): Promise<string> => {
    const answer = await call(from, '/api/agent/checkin', { ...body, ...more }, server);
    return answer.body.action ?? answer.body.code;
  };
  const { machine_id } = (await call(home, '/api/agent/checkin', body)).body;
  const order = async (): Promise<string> =>
    (await call('operator', '/api/workflows', { machine_id, template: 'debian', confirmed: true }))
      .body.metadata.name;
  const conflicts = async () =>
    (await call('operator', '/api/conflicts?limit=1000')).body.conflicts;
  /** The answers there to those who ask for the machine's work and secrets. */
  const opens = async (from: string, id: string): Promise<number[]> => [
    (await call(from, `/api/workflows/${id}`)).status,
    (await call(from, `/api/templates/debian?machine_id=${machine_id}`)).status,
    (await call(from, `/api/workflows/${id}/events`, { type: 'started' })).status,
  ];
  /** So many rounds, in which a stranger checks in every ten seconds. */
  const rounds = async (count: number, from: string = elsewhere, more: object = {}) => {
    for (let n = 0; n < count; n += 1) {
      for (let tenth = 0; tenth < 2; tenth += 1) {
        await pass(10);
        expect(await told(from, more)).not.toBe('execute');
      }
      await pass(10);
      await told(home);
    }
  };
  const restart = async (): Promise<void> => {
    await at(0).app.close();
    all[0] = await start();
  };
  return { store, machine_id, call, told, order, conflicts, opens, pass, rounds, restart };
}

const closed = [403, 403, 403];

describe('a machine that is heard', () => {
  it.each([
    ['all that it shows', {}],
    ['another name', { hostname: 'b' }],
    ['other processors', { cpu_model: 'D' }],
    ['its MAC', { cpu_model: null, hostname: null, disks: [] }],
    ['a boot of our agent', { boot_id: 'one', sequence: 1, uptime_seconds: 0 }],
  ])('is kept from nothing by a stranger who repeats %s', async (_what, more) => {
    const { told, order, conflicts, opens, rounds, pass } = await scene();
    await rounds(3, elsewhere, more);
    const id = await order();
    await pass(10);
    expect(['wait', 'identity.in-use']).toContain(await told(elsewhere, more));
    expect(await opens(elsewhere, id)).toEqual(closed);
    await pass(20);
    expect(await told(home)).toBe('execute');
    expect(await opens(home, id)).toEqual([200, 200, 204]);
    expect(await conflicts()).toMatchObject([{ refused_addresses: [elsewhere] }]);
    expect(JSON.stringify(await conflicts())).toContain(
      `at ${elsewhere}, and not the one at ${home}, was refused`,
    );
  });

  it('is kept from nothing as it boots anew at its own address', async () => {
    const { told, order, rounds, pass } = await scene();
    await rounds(2);
    await order();
    await pass(12);
    await told(elsewhere);
    await pass(8);
    expect(await told(home)).toBe('execute');
  });

  it('has one conflict that names each stranger', async () => {
    const { conflicts, rounds } = await scene();
    await rounds(2);
    await rounds(2, third);
    const [conflict, ...others] = await conflicts();
    expect([conflict.refused_addresses, others]).toEqual([[elsewhere, third], []]);
    expect(conflict.candidates).toHaveLength(1);
    expect(conflict.candidates[0].evidence).toHaveLength(2);
  });

  it('has a conflict of its own beside those of other machines that may be it', async () => {
    const { store, machine_id, conflicts, rounds } = await scene();
    const other: Omit<IdentityConflict, 'id' | 'machine_id'> = {
      reason: 'indistinguishable',
      candidates: [{ machine_id, evidence: ['has the same identity hash'] }],
      created_at: '2026-06-01T12:00:00Z',
      resolution: null,
    };
    for (let n = 0; n < 101; n += 1)
      await store.conflicts.put({ ...other, id: `${n}`, machine_id: `another-${n}` });
    await rounds(3);
    const all: IdentityConflict[] = await conflicts();
    const own = all.filter((one) => one.machine_id === machine_id);
    expect(own).toMatchObject([{ refused_addresses: [elsewhere] }]);
    expect(all.filter((one) => one.refused_addresses !== undefined)).toHaveLength(1);
  });

  it('has no conflict with a single call, nor with one that comes a round after it', async () => {
    const { told, conflicts, pass } = await scene();
    for (const from of [elsewhere, home, elsewhere, home]) {
      await pass(30);
      await told(from);
    }
    await pass(10);
    await told(third);
    await pass(20);
    await told(home);
    expect(await conflicts()).toEqual([]);
  });
});

it('a machine whose agent tells its boot goes on from a new address at once', async () => {
  const { told, pass } = await scene();
  await pass(60);
  const boot = { boot_id: 'one', sequence: 1, uptime_seconds: 0, agent_version: '0.2.0' };
  await told(home, boot);
  await pass(10);
  expect(await told(elsewhere, { ...boot, sequence: 2, uptime_seconds: 10 })).toBe('wait');
});

describe('a machine that is silent', () => {
  it('has moved to the address that it is heard at, once it is late, whoever else claims it', async () => {
    const { told, order, rounds, pass, conflicts } = await scene();
    await rounds(2);
    await order();
    await pass(20);
    expect(await told(third)).toBe('wait');
    await told(elsewhere);
    await pass(30);
    expect(await told(elsewhere)).toBe('wait');
    expect(await told(third)).toBe('execute');
    expect((await conflicts())[0].refused_addresses).toEqual([elsewhere]);
  });

  it('is not one that a conflict names, until an operator has decided', async () => {
    const { call, told, order, conflicts, opens, rounds, pass } = await scene();
    await rounds(2);
    const id = await order();
    await pass(600);
    expect([await told(elsewhere), await opens(elsewhere, id)]).toEqual(['wait', closed]);
    const [conflict] = await conflicts();
    expect((await call('operator', `/api/conflicts/${conflict.id}/split`, {})).status).toBe(200);
    expect(await told(elsewhere)).toBe('execute');
  });

  it('is itself again after a stranger who showed less than it does', async () => {
    const { told, order, pass } = await scene();
    await order();
    await pass(600);
    const less = { cpu_model: null, hostname: null, disks: [] };
    for (let n = 0; n < 6; n += 1) {
      expect(await told(elsewhere, less)).toBe('wait');
      await pass(10);
    }
    expect(await told(home)).toBe('execute');
    await pass(10);
    expect(await told(elsewhere, less)).toBe('wait');
    await pass(20);
    expect(await told(home)).toBe('execute');
  });
});

describe('a machine that carries out a workflow', () => {
  it('goes on whoever asks for its boot script and checks in as it, with a conflict', async () => {
    const { call, told, order, conflicts, opens, pass } = await scene();
    const id = await order();
    await pass(30);
    expect(await told(home)).toBe('execute');
    const report = (event: object) => call(home, `/api/workflows/${id}/events`, event);
    await report({ type: 'started' });
    for (let n = 0; n < 6; n += 1) {
      await pass(50);
      await report({ type: 'action_started', action: 'image2disk' });
      await pass(1);
      await call(elsewhere, `/boot/${mac}`);
      expect([await told(elsewhere), await opens(elsewhere, id)]).toEqual(['wait', closed]);
    }
    expect((await report({ type: 'completed', success: true })).status).toBe(204);
    expect(await conflicts()).toMatchObject([{ refused_addresses: [elsewhere] }]);
  });
});

describe('after a start of the server', () => {
  it('a machine is where its record says until its silence means something', async () => {
    const { told, order, restart, pass } = await scene();
    await order();
    await restart();
    expect(await told(elsewhere)).toBe('wait');
    await pass(20);
    expect(await told(elsewhere)).toBe('wait');
    expect(await told(home)).toBe('execute');
    await restart();
    await pass(46);
    expect(await told(elsewhere)).toBe('execute');
  });
});

it('a machine is at home as well where the server listens for IPv4 and IPv6', async () => {
  const { call, told, order, restart, pass } = await scene();
  const id = await order();
  await pass(30);
  expect(await told(home)).toBe('execute');
  await restart();
  const report = { type: 'started' };
  expect((await call(`::ffff:${home}`, `/api/workflows/${id}/events`, report)).status).toBe(204);
});

describe('a machine that is heard by another server', () => {
  it('is kept from nothing by a stranger here, and may come here itself', async () => {
    const { told, order, conflicts, pass } = await scene({ servers: 2 });
    await pass(10);
    // Behind NAT: its record does not have the address that it is heard at.
    const more = { ip_address: '10.0.0.5' };
    for (let n = 0; n < 4; n += 1) {
      await told(home, more);
      await pass(10);
      expect(await told(elsewhere, more, 1)).toBe('wait');
      await pass(20);
    }
    expect(await conflicts()).toMatchObject([{ refused_addresses: [elsewhere] }]);
    await order();
    expect(await told(home, more, 1)).toBe('execute');
  });
});
