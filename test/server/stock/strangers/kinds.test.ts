// The one who speaks for a machine that is heard, by what the caller and the machine come with: each cell of the table in
// checkin/stranger.ts, and who gets the workflow with its secrets.
import { describe, expect, it } from 'vitest';
import { body, closed, elsewhere, enrolmentToken, home, mac, scene } from './scene.ts';

const boot = { boot_id: 'two', sequence: 1, uptime_seconds: 0, agent_version: '0.2.0' };
const open = [200, 200, 204];

type Scene = Awaited<ReturnType<typeof scene>>;

/** The secret in the boot script that anybody gets for the MAC of a machine. */
async function secretOf({ call }: Scene): Promise<string> {
  const { text } = await call(elsewhere, `/boot/${mac}`);
  const secret = /dragonfly\.token=(\S+)/.exec(text)?.[1];
  if (secret === undefined) throw new Error('the script has no secret');
  return secret;
}

/** A token that somebody was given while the machine was silent, who is silent since it is back. */
async function given(at: Scene): Promise<string> {
  const { told, pass } = at;
  await pass(60);
  const { token } = (await claim(at, boot, enrolmentToken)).body;
  for (const seconds of [60, 30]) {
    await pass(seconds);
    await told(home);
  }
  return token;
}

const callers: [string, (of: Scene) => Promise<string | undefined>, object][] = [
  ['an enrolment token, and a boot', async () => enrolmentToken, boot],
  ['an enrolment token', async () => enrolmentToken, {}],
  ['the secret of a boot script', secretOf, boot],
  ['a token that was given in its name', given, boot],
  ["an operator's token", async ({ token }) => token, boot],
  ['a boot', async () => undefined, boot],
  ['nothing', async () => undefined, {}],
];

/** A check-in as the machine, from elsewhere. */
const claim = ({ call }: Scene, more: object, bearer: string | undefined) =>
  call(elsewhere, '/api/agent/checkin', { ...body, ...more }, { bearer });

/** The answers to a caller elsewhere that asks for the machine's work; an operator may see it. */
const seen = (at: Scene, id: string, bearer: string | undefined): Promise<number[]> =>
  bearer === at.token ? Promise.resolve([]) : at.opens(elsewhere, id, { bearer });

describe('a machine without token and boot_id that is heard', () => {
  it.each(callers)('is not one elsewhere with %s, until it is late', async (_what, with_, more) => {
    const at = await scene();
    const bearer = await with_(at);
    const id = await at.order();
    for (let n = 0; n < 3; n += 1) {
      await at.pass(10);
      const answer = await claim(at, more, bearer);
      const isBoot = 'boot_id' in more;
      expect([answer.status, answer.body.action]).toEqual(
        isBoot ? [409, undefined] : [200, 'wait'],
      );
      expect(answer.body.token).toBeUndefined();
      expect(await seen(at, id, bearer)).not.toContain(200);
      await at.pass(20);
      // The one that goes on is the machine.
      expect(await at.told(home)).toBe('execute');
    }
    expect(await at.opens(home, id)).toEqual(open);
    // Both were heard in turn, so an operator is asked.
    expect(await at.conflicts()).toMatchObject([{ refused_addresses: [elsewhere] }]);
  });

  it.each(callers)('gets on elsewhere, with %s, once it is late', async (_what, with_, more) => {
    const at = await scene();
    const bearer = await with_(at);
    await at.pass(44);
    expect(await at.told(elsewhere, more, { bearer })).not.toBe('execute');
    await at.pass(2);
    await at.order();
    expect(await at.told(elsewhere, more, { bearer })).toBe('execute');
  });

  it.each(callers)('is not one elsewhere with %s during its workflow', async (_w, with_, more) => {
    const at = await scene();
    const bearer = await with_(at);
    const id = await at.order();
    await at.pass(30);
    await at.told(home);
    const report = (event: object) => at.call(home, `/api/workflows/${id}/events`, event);
    await report({ type: 'started' });
    for (let n = 0; n < 3; n += 1) {
      await at.pass(100);
      await report({ type: 'action_started', action: 'image2disk' });
      await at.pass(5);
      if (n === 1) await at.restart();
      expect(await at.told(elsewhere, more, { bearer })).not.toBe('execute');
      expect(await seen(at, id, bearer)).not.toContain(200);
    }
    expect((await report({ type: 'completed', success: true })).status).toBe(204);
    const { body: workflow } = await at.call('operator', `/api/workflows/${id}`);
    expect(workflow.status.state).toBe('STATE_SUCCESS');
  });
});

/** A machine whose agent states its boot and beats. */
async function beating(bearer?: string, intervalSeconds = 10) {
  const at = await scene({ intervalSeconds });
  await at.pass(60);
  const first = { ...boot, boot_id: 'one', sequence: 1 };
  const checkin = { ...body, ...first };
  const { token } = (await at.call(home, '/api/agent/checkin', checkin, { bearer })).body;
  const beat = async (): Promise<number> => {
    const sent = { machine_id: at.machine_id, boot_id: 'one' };
    return (await at.call(home, '/api/agent/heartbeat', sent, { bearer: token })).status;
  };
  const goOn = async (): Promise<number> => {
    const sent = { ...checkin, sequence: 2, uptime_seconds: 60 };
    return (await at.call(home, '/api/agent/checkin', sent, { bearer: token })).status;
  };
  await at.pass(10);
  expect(await beat()).toBe(200);
  await at.pass(5);
  return { ...at, beat, goOn };
}

describe('a machine without a token whose boot is heard', () => {
  it.each(callers.filter(([what]) => what !== 'a boot' && !what.includes('given')))(
    'is not one elsewhere with %s, until it is late',
    async (_what, with_, more) => {
      const at = await beating();
      const bearer = await with_(at);
      expect(['wait', 'identity.in-use']).toContain(await at.told(elsewhere, more, { bearer }));
      expect(await at.beat()).toBe(200);
      await at.pass(20);
      const answer = await claim(at, more, bearer);
      expect([answer.status, answer.body.token !== undefined]).toEqual([200, bearer !== undefined]);
    },
  );
});

describe('a machine with its own token that is heard', () => {
  it.each([
    ['a boot', boot],
    ['nothing', {}],
  ])('is not one elsewhere without a token, with %s', async (_what, more) => {
    const at = await beating(enrolmentToken);
    const id = await at.order();
    expect(['wait', 'identity.in-use']).toContain(await at.told(elsewhere, more));
    expect(await at.opens(elsewhere, id)).toEqual(closed);
    expect(await at.beat()).toBe(200);
    // Nobody has heard it since.
    await at.restart();
    await at.pass(5);
    expect(['wait', 'identity.in-use']).toContain(await at.told(elsewhere, more));
    expect(await at.opens(elsewhere, id)).toEqual(closed);
    expect(await at.beat()).toBe(200);
  });

  it('is not one without a token that comes before it may have been heard, in a large fleet', async () => {
    const at = await beating(enrolmentToken, 100);
    const id = await at.order();
    await at.restart();
    for (const more of [boot, {}]) {
      await at.pass(60);
      expect(['wait', 'identity.in-use']).toContain(await at.told(elsewhere, more));
      expect(await at.opens(elsewhere, id)).toEqual(closed);
    }
    expect(await at.beat()).toBe(200);
    await at.restart();
    // Three of its intervals.
    await at.pass(301);
    expect(await at.told(elsewhere)).toBe('execute');
  });

  it.each(['', 'a start of the server, '])(
    'takes back what another was given, after %s',
    async (after) => {
      const at = await beating(enrolmentToken);
      await at.pass(10);
      expect(await at.beat()).toBe(200);
      if (after !== '') await at.restart();
      const sent = { ...body, ...boot };
      const ways = { bearer: enrolmentToken };
      const { token } = (await at.call(elsewhere, '/api/agent/checkin', sent, ways)).body;
      const id = await at.order();
      expect(await at.opens(elsewhere, id, { bearer: token })).toContain(200);
      expect(await at.beat()).toBe(404);
      expect(await at.goOn()).toBe(200);
      expect(await at.opens(elsewhere, id, { bearer: token })).toEqual([401, 401, 401]);
      expect(await at.beat()).toBe(200);
      expect(await at.conflicts()).toHaveLength(1);
    },
  );

  it('starts anew with an enrolment token, wherever that is', async () => {
    const at = await beating(enrolmentToken);
    await at.order();
    expect(await at.told(elsewhere, boot, { bearer: enrolmentToken })).toBe('execute');
  });
});
