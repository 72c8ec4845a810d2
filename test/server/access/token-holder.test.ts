// The holder of a machine's token: whoever is alive keeps it, and operators hear of every change.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import type { ServerEvent } from '../../../src/model/api/events.ts';
import { createToken, hashToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { checkin, startServer, watch, type Answer, type TestServer } from '../harness.ts';

interface Options {
  readonly clock?: ManualClock;
  readonly store?: Store;
}

/** A server with tokens, and a machine as it and as others speak for it. */
class Scene {
  readonly server: TestServer;
  readonly clock: ManualClock;
  readonly enrol: string;
  readonly full: string;

  private constructor(server: TestServer, clock: ManualClock, enrol: string, full: string) {
    this.server = server;
    this.clock = clock;
    this.enrol = enrol;
    this.full = full;
  }

  static async open(options: Options = {}): Promise<Scene> {
    const { clock = new ManualClock(new Date('2026-01-01T00:00:00Z')) } = options;
    const store = options.store ?? (await openStore('memory:'));
    const server = await startServer({ clock, store });
    const create = (scope: 'enrol' | 'full', name: string) =>
      createToken(store, clock, { name, scope, expiresAt: null });
    const [enrol, full] = [await create('enrol', 'rack'), await create('full', 'ops')];
    return new Scene(server, clock, enrol, full);
  }

  /** A check-in of the machine by a boot that says when its kernel started. */
  checkIn(boot_id: string, uptime_seconds: number, token = this.enrol): Promise<Answer> {
    const body = checkin(1, { boot_id, sequence: (this.#sequence += 1), uptime_seconds });
    return this.server.call('POST', '/api/agent/checkin', { body, token });
  }

  beat(machine_id: string, boot_id: string, token: string): Promise<Answer> {
    const body = { machine_id, boot_id };
    return this.server.call('POST', '/api/agent/heartbeat', { body, token });
  }

  async mustBeat(id: string, boot: string, token: string): Promise<void> {
    const { status, body } = await this.beat(id, boot, token);
    if (status !== 200) throw new Error(`the heartbeat was refused: ${JSON.stringify(body)}`);
  }

  /** The machine beats every ten seconds, with what that writes. */
  async beats(times: number, id: string, boot: string, token: string): Promise<void> {
    for (let i = 0; i < times; i++) {
      await this.mustBeat(id, boot, token);
      await this.clock.advance(10_000);
    }
  }

  /** A machine that has been beating for a minute. */
  async machine(): Promise<{ id: string; token: string }> {
    const { body } = await this.checkIn('own', 60);
    await this.beats(6, body.machine_id, 'own', body.token);
    await this.mustBeat(body.machine_id, 'own', body.token);
    return { id: body.machine_id, token: body.token };
  }

  async get(path: string): Promise<Answer['body']> {
    return (await this.server.call('GET', path, { token: this.full })).body;
  }

  async tokenChanges(id: string): Promise<[unknown, unknown][]> {
    const { history } = await this.get(`/api/machines/${id}/history`);
    return history
      .filter((change: { what: string }) => change.what === 'token')
      .map(({ before, after }: { before: unknown; after: unknown }) => [before, after]);
  }

  #sequence = 0;
}

const idOf = (token: string): string => hashToken(token).slice(0, 8);

it('a machine that is alive keeps its token, however many are given in its name', async () => {
  const scene = await Scene.open();
  const { id, token } = await scene.machine();
  const given: string[] = [];
  for (let n = 0; n < 4; n++) {
    // Each says that it is the machine, which rebooted just now.
    const { status, body } = await scene.checkIn(`other-${n}`, 0);
    expect([status, body.machine_id]).toEqual([200, id]);
    given.push(body.token);
  }
  const last = given.at(-1) ?? '';
  expect((await scene.beat(id, 'other-3', last)).status).toBe(200);
  // The orders are for the boot that checked in last.
  expect((await scene.beat(id, 'own', token)).status).toBe(404);
  expect((await scene.checkIn('own', 61, token)).status).toBe(200);
  // With that it is the machine again, and the others are not.
  for (const other of given) expect((await scene.beat(id, 'other-3', other)).status).toBe(401);
  const { conflicts } = await scene.get(`/api/machines/${id}/conflicts`);
  expect(conflicts).toMatchObject([{ reason: 'indistinguishable', machine_id: id }]);
  expect((await scene.checkIn('other-4', 0)).status).toBe(409);
  expect((await scene.beat(id, 'own', token)).status).toBe(200);
});

it('a machine keeps its token when two others take turns in its name', async () => {
  const scene = await Scene.open();
  const { id, token } = await scene.machine();
  const [one, two] = [(await scene.checkIn('one', 0)).body.token, 'two'];
  expect((await scene.beat(id, 'one', one)).status).toBe(200);
  expect((await scene.checkIn(two, 0)).status).toBe(200);
  // The boot before speaks again, and takes the machine from the second one.
  expect((await scene.beat(id, 'one', one)).status).toBe(404);
  expect((await scene.beat(id, 'own', token)).status).toBe(404);
  expect((await scene.checkIn('own', 61, token)).status).toBe(200);
  expect((await scene.beat(id, 'one', one)).status).toBe(401);
});

it('a machine keeps its token when others speak for the very boot that it is in', async () => {
  const scene = await Scene.open();
  const { id, token } = await scene.machine();
  for (let n = 0; n < 4; n++) {
    const { body } = await scene.checkIn('own', 60);
    expect((await scene.beat(id, 'own', body.token)).status).toBe(200);
  }
  expect((await scene.beat(id, 'own', token)).status).toBe(200);
});

it('a machine keeps its token when another comes first after the server started again', async () => {
  const store = await openStore('memory:');
  const before = await Scene.open({ store });
  const { id, token } = await before.machine();
  await before.server.app.close();
  const server = await startServer({ clock: before.clock, store });
  const call = (path: string, body: object, bearer: string) =>
    server.call('POST', `/api/agent/${path}`, { body, token: bearer });
  const other = { boot_id: 'other', uptime_seconds: 3600 };
  for (let sequence = 1; sequence <= 3; sequence++) {
    const { body } = await call('checkin', checkin(1, { ...other, sequence }), before.enrol);
    expect(body.machine_id).toBe(id);
    const beat = { machine_id: id, boot_id: 'other' };
    expect((await call('heartbeat', beat, body.token)).status).toBe(200);
  }
  expect((await call('heartbeat', { machine_id: id, boot_id: 'own' }, token)).status).toBe(404);
  const refused = await call('checkin', checkin(1, { ...other, sequence: 4 }), before.enrol);
  expect([refused.status, refused.body.code]).toEqual([409, 'identity.in-use']);
});

it('a machine that rebooted holds its new token, and the one before ends', async () => {
  const scene = await Scene.open();
  const { id, token } = await scene.machine();
  await scene.clock.advance(20_000);
  const next = (await scene.checkIn('next', 5)).body.token;
  await scene.beats(11, id, 'next', next);
  expect((await scene.get(`/api/machines/${id}`)).token_holder).toBe(idOf(next));
  await scene.clock.advance(20_000);
  const third = (await scene.checkIn('third', 5)).body.token;
  expect((await scene.beat(id, 'third', third)).status).toBe(200);
  expect((await scene.beat(id, 'own', token)).status).toBe(401);
  expect((await scene.get(`/api/machines/${id}/conflicts`)).conflicts).toEqual([]);
});

it('a change of token is in the history and an event, a first token is not', async () => {
  const scene = await Scene.open();
  const isToken = (event: ServerEvent): boolean => event.type === 'machine.token';
  const seen = watch(scene.server, (events) => events.some(isToken), { token: scene.full });
  await expect
    .poll(() => scene.server.app.hasRoute({ method: 'GET', url: '/api/events' }))
    .toBe(true);
  const first = (await scene.checkIn('a', 60)).body;
  expect(await scene.tokenChanges(first.machine_id)).toEqual([]);
  const second = (await scene.checkIn('b', 5)).body;
  expect(await scene.tokenChanges(first.machine_id)).toEqual([
    [idOf(first.token), idOf(second.token)],
  ]);
  expect((await seen).filter(isToken).map((event) => event.data)).toEqual([
    { machine_id: first.machine_id, token: idOf(second.token), by: 'rack' },
  ]);
});

it('boots from the network do not push other changes out of the history', async () => {
  const scene = await Scene.open();
  const { machine_id: id } = (await scene.checkIn('0', 5)).body;
  await scene.server.call('PATCH', `/api/machines/${id}`, {
    body: { hostname: 'web-1' },
    token: scene.full,
  });
  for (let n = 1; n < 70; n++) await scene.checkIn(String(n), 5);
  expect(await scene.tokenChanges(id)).toHaveLength(10);
  const { history } = await scene.get(`/api/machines/${id}/history`);
  expect(history.map((change: { what: string }) => change.what)).toContain('hostname');
});

it('that gives way to another token is in the history, and an event', async () => {
  const scene = await Scene.open();
  const { id, token } = await scene.machine();
  await scene.clock.advance(200_000);
  const { body } = await scene.checkIn('anew', 5);
  const seen = watch(scene.server, (events) => events.some(isByHeartbeats), { token: scene.full });
  await scene.beats(14, id, 'anew', body.token);
  const { history } = await scene.get(`/api/machines/${id}/history`);
  const changes = history.filter((change: { what: string }) => change.what === 'token_holder');
  expect(changes).toMatchObject([
    { before: hashToken(token).slice(0, 8), after: hashToken(body.token).slice(0, 8) },
  ]);
  expect((await seen).filter(isByHeartbeats)).toHaveLength(1);
});

function isByHeartbeats({ type, data }: ServerEvent): boolean {
  return type === 'machine.token' && data['by'] === 'heartbeats';
}
