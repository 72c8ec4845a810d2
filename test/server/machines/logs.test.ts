import { once } from 'node:events';
import { request } from 'node:http';
import { expect, it } from 'vitest';
import { ManualClock, systemClock } from '../../../src/core/clock.ts';
import { MachineLogs, defaultLogs, readLogs } from '../../../src/server/running/machine-logs.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import { v7 } from 'uuid';
import { checkin, startServer, type TestServer } from '../harness.ts';

const boot = { boot_id: 'boot-1', sequence: 1 };

async function register(server: TestServer, token?: string): Promise<string> {
  const call = { body: checkin(1, boot), token };
  return (await server.call('POST', '/api/agent/checkin', call)).body.machine_id;
}

function piece(machine_id: string, first: number, texts: readonly string[], more = {}) {
  const lines = texts.map((text) => ({ age_ms: 0, source: 'agent' as const, text }));
  return { machine_id, boot_id: 'boot-1', stream: 'agent-1', first, lines, ...more };
}

const textsOf = (body: { lines: { text: string }[] }) => body.lines.map(({ text }) => text);

it('keeps the lines of a machine, by the clock of the server, and gives what follows a cursor', async () => {
  const clock = new ManualClock(new Date('2026-02-03T04:05:06Z'));
  const server = await startServer({ clock });
  const id = await register(server);
  const lines = [
    { age_ms: 4_000, source: 'boot', text: 'eth0 is 192.0.2.7/24' },
    { age_ms: 0, source: 'agent', level: 'warn', text: 'a\u001b[2Jb\u202ec' },
  ];
  const body = { ...piece(id, 0, []), lines };
  expect((await server.call('POST', '/api/agent/logs', { body })).status).toBe(204);
  const { body: first } = await server.call('GET', `/api/machines/${id}/logs`);
  expect(first.lines).toEqual([
    { at: '2026-02-03T04:05:02.000Z', source: 'boot', text: 'eth0 is 192.0.2.7/24' },
    { at: '2026-02-03T04:05:06.000Z', source: 'agent', level: 'warn', text: 'a [2Jb c' },
  ]);
  await server.call('POST', '/api/agent/logs', { body: piece(id, 2, ['later']) });
  const after = await server.call('GET', `/api/machines/${id}/logs?cursor=${first.next}`);
  expect(textsOf(after.body)).toEqual(['later']);
  const last = await server.call('GET', `/api/machines/${id}/logs?last=2`);
  expect(textsOf(last.body)).toEqual(['a [2Jb c', 'later']);
  expect(last.body.next).toBe(after.body.next);
});

it('keeps a line once that was sent again, to another server of the store as well', async () => {
  const store = await openStore('memory:');
  const [one, other] = [await startServer({ store }), await startServer({ store })];
  const id = await register(one);
  const send = (server: TestServer, first: number, texts: string[]) =>
    server.call('POST', '/api/agent/logs', { body: piece(id, first, texts) });
  await send(one, 0, ['a', 'b']);
  await send(one, 0, ['a', 'b']);
  await send(other, 1, ['b', 'c']);
  await send(one, 2, ['c', 'd']);
  const { body } = await one.call('GET', `/api/machines/${id}/logs`);
  expect(textsOf(body)).toEqual(['a', 'b', 'c', 'd']);
});

it('takes lines from the boot that checked in last alone, and from no other machine', async () => {
  const server = await startServer({ auth: { enrolmentToken: 'enrolment-token-1' } });
  await createToken(server.store, systemClock, { name: 'admin', scope: 'full', expiresAt: null });
  const token = 'enrolment-token-1';
  const [mine, other] = await Promise.all(
    [1, 2].map(async (n) => {
      const answer = await server.call('POST', '/api/agent/checkin', {
        body: checkin(n, boot),
        token,
      });
      return answer.body;
    }),
  );
  const send = (body: object, by: string | undefined) =>
    server.call('POST', '/api/agent/logs', { body, token: by });
  const good = piece(mine.machine_id, 0, ['a']);
  expect((await send(good, mine.token)).status).toBe(204);
  expect((await send(good, other.token)).body.code).toBe('auth.denied');
  expect((await send(good, token)).body.code).toBe('auth.denied');
  expect((await send(good, undefined)).body.code).toBe('auth.required');
  const stale = { ...good, boot_id: 'boot-0' };
  expect((await send(stale, mine.token)).body.code).toBe('machine.wrong-state');
});

it('is read by nobody whose token does not show the machine, and goes with it', async () => {
  const store = await openStore('memory:');
  const everybody = { name: 'admin', scope: 'full', expiresAt: null } as const;
  const admin = await createToken(store, systemClock, everybody);
  const limited = { name: 'rack-1', scope: 'read', expiresAt: null, tags: ['rack-1'] } as const;
  const narrow = await createToken(store, systemClock, limited);
  const server = await startServer({ store });
  const id = await register(server, admin);
  await server.call('POST', '/api/agent/logs', { body: piece(id, 0, ['a']), token: admin });
  const path = `/api/machines/${id}/logs`;
  expect((await server.call('GET', path, { token: narrow })).body.code).toBe('machine.unknown');
  expect((await server.call('GET', path, { token: admin })).body.lines).toHaveLength(1);
  await server.call('DELETE', `/api/machines/${id}`, { token: admin });
  expect((await readLogs(server.store, id, {})).lines).toEqual([]);
});

it('answers a reader who waits as soon as there is a line', async () => {
  const server = await startServer();
  const id = await register(server);
  const waiting = server.call('GET', `/api/machines/${id}/logs?wait=25`);
  await server.call('POST', '/api/agent/logs', { body: piece(id, 0, ['here']) });
  const { body } = await waiting;
  expect(textsOf(body)).toEqual(['here']);
});

it('refuses a machine that sends and sends, and goes on at a steady rate', async () => {
  const clock = new ManualClock(new Date());
  const server = await startServer({
    clock,
    limits: { machineLogs: { burst: 4096, perSecond: 1024 } },
  });
  const id = await register(server);
  const send = async (first: number) =>
    (await server.call('POST', '/api/agent/logs', { body: piece(id, first, ['a']) })).status;
  const statuses = [await send(0), await send(1), await send(2), await send(3)];
  expect(statuses).toEqual([204, 204, 204, 429]);
  await clock.advance(2000);
  expect(await send(3)).toBe(204);
});

it('counts also what comes in pieces, without a length', async () => {
  const server = await startServer({ limits: { machineLogs: { burst: 4096, perSecond: 1 } } });
  const id = await register(server);
  const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
  const sent = request(`${server.url}/api/agent/logs`, { method: 'POST', headers });
  const lines = Array.from({ length: 5 }, () => 'x'.repeat(1000));
  sent.end(JSON.stringify(piece(id, 0, lines)));
  const [answer] = await once(sent, 'response');
  answer.resume();
  expect(answer.statusCode).toBe(429);
});

async function logs(policy = {}) {
  const clock = new ManualClock(new Date());
  const store = await openStore('memory:');
  let seq = 0;
  const newId = () => v7({ msecs: clock.now().getTime(), seq: (seq += 1) });
  return {
    clock,
    store,
    kept: new MachineLogs({ store, clock, newId }, { ...defaultLogs, ...policy }),
  };
}

const machine = (n: number) => `01930000-0000-7000-8000-00000000000${n}`;

it('drops the oldest lines of a machine that has more than its share', async () => {
  const { store, kept } = await logs({ kibibytes: 4 });
  for (let n = 0; n < 20; n += 1) await kept.append(piece(machine(1), n, [`${n}`.padEnd(1000)]));
  await kept.append(piece(machine(2), 0, ['quiet']));
  const { lines } = await readLogs(store, machine(1), {});
  expect(lines.map(({ text }) => text.trim())).toEqual(['17', '18', '19']);
  expect((await readLogs(store, machine(2), {})).lines).toHaveLength(1);
});

it('drops lines by age, and of all machines the oldest where they take too much together', async () => {
  const { clock, store, kept } = await logs({ days: 1, mebibytes: 0.01 });
  await kept.append(piece(machine(1), 0, ['old']));
  await clock.advance(25 * 3_600_000);
  await kept.append(piece(machine(1), 1, ['x'.repeat(1000), 'y'.repeat(7000)]));
  await clock.advance(3_600_000);
  await kept.append(piece(machine(2), 0, ['z'.repeat(3000)]));
  await expect(kept.append(piece(machine(2), 1, ['more']))).rejects.toThrow('all the room');
  expect(await kept.prune(clock.now())).toBe(2);
  await kept.append(piece(machine(2), 1, ['more']));
  expect((await readLogs(store, machine(1), {})).lines).toEqual([]);
  expect((await readLogs(store, machine(2), {})).lines).toHaveLength(2);
});

it('drops all lines that are too old at once, of however many hours they are', async () => {
  const { clock, store, kept } = await logs({ days: 1 });
  for (let n = 0; n < 3; n += 1) {
    await kept.append(piece(machine(1), n, [`old ${n}`]));
    await clock.advance(3_600_000);
  }
  await clock.advance(24 * 3_600_000);
  await kept.append(piece(machine(1), 3, ['new']));
  expect(await kept.prune(clock.now())).toBe(3);
  expect(textsOf(await readLogs(store, machine(1), {}))).toEqual(['new']);
});

it('remembers no stream longer than its lines', async () => {
  const { store, kept } = await logs({ kibibytes: 4 });
  const early = piece(machine(1), 0, ['early'], { stream: 'boot' });
  await kept.append(early);
  await kept.append(early);
  for (let n = 0; n < 10; n += 1) await kept.append(piece(machine(1), n, [`${n}`.padEnd(1000)]));
  const texts = async (): Promise<string[]> =>
    textsOf(await readLogs(store, machine(1), {})).map((text) => text.trim());
  expect(await texts()).toEqual(['7', '8', '9']);
  // As by a server that begins now.
  await kept.append(early);
  await kept.append(piece(machine(1), 9, ['9']));
  expect(await texts()).toEqual(['7', '8', '9', 'early']);
});
