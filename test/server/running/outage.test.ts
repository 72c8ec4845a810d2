// Agents that speak while the store does not answer: their silence would be the server's own.
import type { LightMyRequestResponse } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { AppError } from '../../../src/core/errors.ts';
import { createApp, type Routes } from '../../../src/server/app.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { MemoryKv } from '../../../src/store/memory.ts';
import { openStoreOn } from '../../../src/store/open.ts';
import { checkin } from '../harness.ts';

/** A store of which no answer comes, or an error at once. */
class CutOffKv extends MemoryKv {
  how: 'answers' | 'hangs' | 'fails' = 'answers';
  #cutOffMs = 0;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    super();
    this.#clock = clock;
  }

  cutOff(how: 'hangs' | 'fails'): void {
    this.how = how;
    this.#cutOffMs = this.#clock.elapsedMs();
  }

  override async read(...args: Parameters<MemoryKv['read']>) {
    await this.#answer();
    return super.read(...args);
  }

  override async commit(...args: Parameters<MemoryKv['commit']>) {
    await this.#answer();
    return super.commit(...args);
  }

  watchAgeMs(): number {
    return this.how === 'answers' ? 0 : this.#clock.elapsedMs() - this.#cutOffMs;
  }

  /** As etcd's client: it gives up after 15 s. */
  async #answer(): Promise<void> {
    if (this.how === 'answers') return;
    if (this.how === 'hangs') await this.#clock.sleep(15_000);
    throw new AppError('store.unavailable', 'the store does not answer');
  }
}

/** A server, the liveness that it publishes, and requests during which its time goes on. */
async function begin(scopes: readonly ('full' | 'enrol')[] = [], auth = {}) {
  const clock = new ManualClock(new Date('2026-01-02T03:04:05Z'));
  const kv = new CutOffKv(clock);
  const store = await openStoreOn(kv);
  const tokens: string[] = [];
  for (const scope of scopes)
    tokens.push(await createToken(store, clock, { name: scope, scope, expiresAt: null }));
  const published: unknown[] = [];
  const listen: Routes = (_, { events }) => {
    events.subscribe(({ type, data }) => {
      if (type === 'machine.liveness') published.push(data['liveness']);
    });
  };
  const app = await createApp({ store, clock, random: () => 0.5, auth }, [listen]);
  onTestFinished(async () => {
    kv.how = 'answers';
    await clock.advance(20_000);
    await app.close();
    await store.close();
  });
  const post = async (path: string, payload: object, token?: string) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const headers = { host: '127.0.0.1', ...authorization };
    const startedMs = clock.elapsedMs();
    const answers: LightMyRequestResponse[] = [];
    const sent = app.inject({ method: 'POST', url: path, headers, payload }).then((answer) => {
      answers.push(answer);
      return answer;
    });
    // Without the store an answer takes some turns of the event loop, however slow the host is.
    for (let turn = 0; answers.length === 0; turn += 1) await clock.advance(turn < 20 ? 0 : 100);
    const { statusCode: status, headers: answered, json } = await sent;
    return { status, headers: answered, body: json(), tookMs: clock.elapsedMs() - startedMs };
  };
  return { app, clock, kv, store, post, tokens, published };
}

it.each([
  ['hangs', 'without tokens', []],
  ['fails', 'without tokens', []],
  ['hangs', 'with its own token', ['full', 'enrol']],
  ['fails', 'with its own token', ['full', 'enrol']],
] as const)(
  'a machine that beats while the store %s is not called silent, %s',
  async (how, _, scopes) => {
    const { clock, kv, post, tokens, published } = await begin(scopes);
    const sent = checkin(1, { boot_id: 'a', uptime_seconds: 1 });
    const { body } = await post('/api/agent/checkin', sent, tokens[1]);
    const request = { machine_id: body.machine_id, boot_id: 'a' };
    const beat = () => post('/api/agent/heartbeat', request, body.token);
    expect((await beat()).status).toBe(200);
    kv.cutOff(how);
    const statuses = new Set<number>();
    for (let n = 0; n < 30; n += 1) {
      await clock.advance(9000);
      const answer = await beat();
      statuses.add(answer.status);
      expect(answer.tookMs).toBeLessThan(5000);
      if (answer.status === 200) continue;
      expect(answer.body.code).toBe('store.unavailable');
      expect(answer.headers['retry-after']).toBe('5');
    }
    expect(statuses).toContain(503);
    kv.how = 'answers';
    await clock.advance(9000);
    expect((await beat()).status).toBe(200);
    expect(published).toEqual(['online']);
    await clock.advance(200_000);
    expect(published).toEqual(['online', 'late', 'gone']);
  },
);

it('two boots that speak for one machine while the store does not answer are told of later', async () => {
  const { clock, kv, store, post } = await begin();
  const checkIn = (boot_id: string) =>
    post('/api/agent/checkin', checkin(1, { boot_id, uptime_seconds: 1 }));
  const { body } = await checkIn('a');
  const beat = (boot_id: string) =>
    post('/api/agent/heartbeat', { machine_id: body.machine_id, boot_id });
  await beat('a');
  await clock.advance(9000);
  expect((await checkIn('b')).body.machine_id).toBe(body.machine_id);
  kv.cutOff('fails');
  await clock.advance(9000);
  expect((await beat('a')).status).toBe(503);
  kv.how = 'answers';
  await clock.advance(3000);
  expect((await beat('a')).body.code).toBe('machine.unknown');
  const { items } = await store.conflicts.list();
  expect(items.map(({ value }) => value.machine_id)).toEqual([body.machine_id]);
});

it('a machine that only checks in is not called silent for the time in which the store takes nothing', async () => {
  const { clock, kv, post, published } = await begin(['full'], { stockAgents: true });
  const checkIn = () => post('/api/agent/checkin', checkin(1));
  await checkIn();
  await clock.advance(30_000);
  await checkIn();
  kv.cutOff('hangs');
  for (let n = 0; n < 20; n += 1) {
    await clock.advance(15_000);
    expect((await checkIn()).status).toBe(503);
  }
  kv.how = 'answers';
  await checkIn();
  expect(published).toEqual(['online']);
  await clock.advance(60_000);
  expect(published).toEqual(['online', 'late']);
});

it('a machine that fell silent before the store did is not called alive again', async () => {
  const { clock, kv, post, published } = await begin();
  await post('/api/agent/checkin', checkin(1, { boot_id: 'a', uptime_seconds: 1 }));
  await clock.advance(60_000);
  kv.cutOff('fails');
  await clock.advance(300_000);
  expect(published).toEqual(['online', 'late']);
  kv.how = 'answers';
  await clock.advance(60_000);
  expect(published).toEqual(['online', 'late', 'gone']);
});

it('a server ends in half a minute though the store does not answer any more', async () => {
  const { app, clock, kv, post } = await begin();
  const { body } = await post('/api/agent/checkin', checkin(1, { boot_id: 'a' }));
  await clock.advance(3000);
  await post('/api/agent/heartbeat', { machine_id: body.machine_id, boot_id: 'a' });
  kv.cutOff('hangs');
  await clock.advance(3000);
  const beganMs = clock.elapsedMs();
  const tookMs: number[] = [];
  const ended = app.close().then(() => tookMs.push(clock.elapsedMs() - beganMs));
  while (tookMs.length === 0) await clock.advance(500);
  await ended;
  expect(tookMs[0]).toBeLessThan(31_000);
});
