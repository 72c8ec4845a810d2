// Callers without a token at another address than the machine's: each row of the table in checkin/stranger.ts.
import { describe, expect, it } from 'vitest';
import type { IdentityConflict } from '../../../../src/model/history.ts';
import { body, closed, elsewhere, enrolmentToken, home, mac, scene, third } from './scene.ts';

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

  it('is heard as well where it has to wait, as it boots anew with another name', async () => {
    const { told, order, pass } = await scene();
    await order();
    for (const seconds of [10, 30]) {
      await pass(seconds);
      expect(await told(home, { hostname: 'b' })).toBe('wait');
    }
    await pass(10);
    expect(await told(elsewhere, { hostname: 'b' })).toBe('wait');
    await pass(20);
    expect(await told(home, { hostname: 'b' })).toBe('execute');
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
    const decide = async (how: string): Promise<number> =>
      (await call('operator', `/api/conflicts/${conflict.id}/${how}`, {})).status;
    expect(await decide('accept')).toBe(200);
    expect(await told(elsewhere)).toBe('execute');
    expect(await decide('reopen')).toBe(200);
  });

  it('is not one that an operator decided to be another, until that is taken back', async () => {
    const { call, told, order, conflicts, opens, rounds, restart, pass } = await scene();
    await rounds(2);
    const id = await order();
    const [conflict] = await conflicts();
    const decide = (how: string) => call('operator', `/api/conflicts/${conflict.id}/${how}`, {});
    await decide('split');
    await rounds(2);
    expect(await conflicts()).toEqual([]);
    await restart();
    await pass(600);
    for (const ways of [{}, { bearer: enrolmentToken }]) {
      const answer = await call(elsewhere, '/api/agent/checkin', body, ways);
      expect(answer.body).toMatchObject({ action: 'wait' });
      expect(await opens(elsewhere, id, ways)).not.toContain(200);
      expect(answer.body.evidence[0]).toContain(`the decision of the conflict ${conflict.id}`);
    }
    // One that the conflict does not name is the machine, which moved.
    expect(await told(third)).toBe('execute');
    await pass(600);
    await decide('reopen');
    expect(await told(elsewhere)).toBe('wait');
    await decide('accept');
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

  it.each([[{}], [{ success: false, error: 'no disk' }]])(
    'is the machine as it ends as well, with %j, at all servers',
    async (more) => {
      const { call, told, order, opens, pass } = await scene({ servers: 2 });
      const id = await order('files');
      await pass(30);
      expect(await told(home)).toBe('execute');
      const report = (event: object) => call(home, `/api/workflows/${id}/events`, event);
      await report({ type: 'started' });
      await pass(100);
      expect((await report({ type: 'completed', success: true, ...more })).status).toBe(204);
      const next = await order('files');
      for (const server of [0, 1]) expect(await told(elsewhere, {}, { server })).toBe('wait');
      expect(await opens(elsewhere, next)).toEqual(closed);
      await pass(30);
      expect(await told(home)).toBe('execute');
    },
  );
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
  it('is the machine before that one has told of it', async () => {
    const { told, order, opens, call, pass } = await scene({ servers: 2 });
    const id = await order();
    const ways = { server: 1 };
    expect(await told(elsewhere, {}, ways)).toBe('wait');
    const boot = { boot_id: 'two', sequence: 1 };
    const payload = { ...body, ...boot };
    const enrolled = { ...ways, bearer: enrolmentToken };
    const answer = await call(elsewhere, '/api/agent/checkin', payload, enrolled);
    expect(answer.status).toBe(409);
    expect(await opens(elsewhere, id, ways)).toEqual(closed);
    expect(await told(home, {}, ways)).toBe('execute');
    await pass(60);
    expect(await told(elsewhere, {}, ways)).toBe('execute');
  });

  it('is kept from nothing by a stranger here, and may come here itself', async () => {
    const { told, order, conflicts, pass } = await scene({ servers: 2 });
    await pass(10);
    // Behind NAT: its record does not have the address that it is heard at.
    const more = { ip_address: '10.0.0.5' };
    for (let n = 0; n < 4; n += 1) {
      await told(home, more);
      await pass(10);
      expect(await told(elsewhere, more, { server: 1 })).toBe('wait');
      await pass(20);
    }
    expect(await conflicts()).toMatchObject([{ refused_addresses: [elsewhere] }]);
    await order();
    expect(await told(home, more, { server: 1 })).toBe('execute');
  });
});
