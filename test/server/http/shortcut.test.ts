// The same requests on the short way and through fastify alone, byte by byte.
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin, startServer, wrapStore, type TestServer } from '../harness.ts';
import {
  checkinPath,
  greetings,
  heartbeats,
  path,
  plain,
  stepOf,
  type Beat,
  type Known,
} from './agent-requests.ts';

interface Side {
  readonly server: TestServer;
  /** Authorizations by a name, since each server has tokens of its own. */
  readonly senders: Record<string, string>;
}

/** DRAGONFLY_FUZZ=100 makes a hundred times as many. */
const rounds = Number(process.env['DRAGONFLY_FUZZ'] ?? 1);
const numRuns = 120 * rounds;

it.each([
  ['heartbeats', heartbeats, path, false],
  ['heartbeats', heartbeats, path, true],
  ['check-ins', greetings, checkinPath, false],
  ['check-ins', greetings, checkinPath, true],
])(
  'answers %s byte by byte as fastify alone (%#)',
  async (_what, sent, target, areTokens) => {
    const clock = new ManualClock(new Date('2026-11-26T12:00:00Z'));
    const sides = [await start(clock, areTokens), await start(clock, areTokens, () => {})] as const;
    let known = { ids: await introduce(sides, 'boot-1'), boot: 'boot-1' };
    const routed = vi.spyOn(sides[0].server.app, 'routing');
    let short = 0;
    const property = fc.asyncProperty(stepOf(sent), async ({ ms, boot, beat }) => {
      await clock.advance(ms);
      // Later than anybody's limit lasts.
      if (boot !== undefined) await clock.advance(30_000);
      if (boot !== undefined) known = { ids: await introduce(sides, boot), boot };
      routed.mockClear();
      const [answer, ofFastify] = await Promise.all(sides.map((side) => send(side, beat, known)));
      expect(answer).toBe(ofFastify);
      const isShort = !routed.mock.calls.some(([{ url }]) => url === beat.target);
      if (isShort && beat.target === target) short += 1;
    });
    await fc.assert(property, { numRuns, ...(rounds > 1 ? {} : { seed: 16 }), endOnFailure: true });
    expect(await seen(sides[0])).toEqual(await seen(sides[1]));
    // Else nothing was compared.
    expect(short).toBeGreaterThan(numRuns / 10);
  },
  30_000 * rounds,
);

it('lets go of a heartbeat that fastify refuses for its head', async () => {
  const { server } = await start(new ManualClock(new Date('2026-11-26T12:00:00Z')), true);
  const came = once(server.app.server, 'request');
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  const body = plain.body({ ids: ['01890000-0000-7000-8000-000000000001'], boot: 'boot-1' });
  socket.write(
    [`POST ${path} HTTP/1.1`, ...plain.headers, `content-length: ${body.length}`, '', body].join(
      '\r\n',
    ),
  );
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toContain('HTTP/1.1 401');
  const [request] = await came;
  // The connection stays open, and nothing more comes on it.
  await vi.waitFor(() => expect(request.readableEnded).toBe(true));
  socket.destroy();
});

it.each([false, true])(
  'counts no answer for a client that is gone (fastify: %s)',
  async (isLong) => {
    const asked = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
      if (name === 'machines.put') asked.resolve();
      if (name === 'machines.put') await gone.promise;
      return operation(...args);
    });
    const server = await startServer({ store }, ...(isLong ? [() => {}] : []));
    const came = once(server.app.server, 'connection');
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    const body = JSON.stringify(checkin(1));
    const head = [
      `POST ${checkinPath} HTTP/1.1`,
      ...plain.headers,
      `content-length: ${body.length}`,
    ];
    socket.write([...head, '', body].join('\r\n'));
    await asked.promise;
    const [ofServer] = await came;
    const closed = new Promise((resolve) => ofServer.once('close', resolve));
    socket.resetAndDestroy();
    await closed;
    gone.resolve();
    await vi.waitFor(async () => expect((await store.machines.list()).items).toHaveLength(1));
    const { body: metrics } = await server.call('GET', '/metrics');
    expect(metrics).toContain('dragonfly_checkins');
    expect(metrics).not.toContain(`route="${checkinPath}"`);
  },
);

/** Servers that were started alike give the same ids. */
async function start(
  clock: ManualClock,
  areTokens: boolean,
  ...more: (() => void)[]
): Promise<Side> {
  let count = 0;
  const newId = (): string => `01890000-0000-7000-8000-${String((count += 1)).padStart(12, '0')}`;
  const store = await openStore('memory:');
  const limits = { machineCheckins: { burst: 2, perSecond: 1 } };
  const options = { store, clock, newId, random: () => 0.5, limits };
  const server = await startServer(options, ...more);
  const senders: Record<string, string> = { wrong: 'Bearer wrong', basic: 'Basic YTpi' };
  if (areTokens) {
    for (const scope of ['enrol', 'operate'] as const) {
      const token = await createToken(store, clock, { name: scope, scope, expiresAt: null });
      senders[scope === 'operate' ? 'operator' : scope] = `Bearer ${token}`;
    }
  }
  return { server, senders };
}

/** Both machines check in at each server. Returns their ids. */
async function introduce(sides: readonly Side[], boot_id: string): Promise<string[]> {
  const ids: string[] = [];
  for (const { server, senders } of sides) {
    for (const [n, name] of ['first', 'second'].entries()) {
      const authorization = senders[name] ?? senders['enrol'];
      const { body } = await server.call('POST', checkinPath, {
        body: checkin(n, { boot_id }),
        headers: authorization === undefined ? {} : { authorization },
      });
      if (body.token !== undefined) senders[name] = `Bearer ${body.token}`;
      ids[n] = body.machine_id;
    }
  }
  return ids;
}

/** The bytes that come back for a heartbeat, and for a request behind it on the same connection. */
function send({ server, senders }: Side, beat: Beat, known: Known): Promise<string> {
  const body = Buffer.from(beat.body(known));
  const authorization = senders[beat.sender];
  const head = [
    `${beat.method} ${beat.target} HTTP/${beat.version}`,
    ...beat.headers,
    ...(authorization === undefined ? [] : [`authorization: ${authorization}`]),
    ...framingOf(beat, body),
    '',
    '',
  ].join('\r\n');
  const ofBody = Buffer.concat([Buffer.from(head, 'latin1'), body]);
  const next = 'GET /api/health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n';
  const sent = {
    length: body,
    twice: Buffer.concat([body, ofBody]),
    late: body,
    none: Buffer.alloc(0),
    cut: body.subarray(0, body.length >> 1),
    chunks: inChunks(body, ''),
    trailers: inChunks(body, 'authorization: Bearer other\r\ncontent-length: 5\r\n'),
  }[beat.framing];
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    // Nothing can come behind a request that is the last one, or is not whole.
    const closes = beat.headers.some((header) => /^connection:.*close/.test(header));
    const isLast = beat.framing === 'cut' || beat.version === '1.0' || closes;
    const rest = Buffer.concat([sent, Buffer.from(isLast ? '' : next)]);
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => (received += piece));
    socket.on('error', () => {});
    socket.on('close', () => {
      // Times, tokens and the numbers of requests: one that came behind may have been given its number before.
      resolve(received.replaceAll(/^Date: .*\r\n|dfm_[^"]*|(?<=-0{11}\d-)\d+/gm, ''));
    });
    socket.once('connect', () => {
      if (beat.framing !== 'late') {
        socket.write(Buffer.concat([Buffer.from(head, 'latin1'), rest]));
      } else {
        socket.write(head, 'latin1');
        setTimeout(() => socket.write(rest), 5);
      }
      if (beat.framing === 'cut') socket.end();
    });
  });
}

function inChunks(body: Buffer, trailers: string): Buffer {
  const end = `${trailers}\r\n`;
  return Buffer.concat([
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from(body.length === 0 ? end : `\r\n0\r\n${end}`),
  ]);
}

function framingOf({ framing }: Beat, body: Buffer): string[] {
  if (framing === 'none') return [];
  const isChunked = framing === 'chunks' || framing === 'trailers';
  return [isChunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`];
}

/** Whatever a heartbeat changes, as others see it. */
async function seen({ server, senders }: Side) {
  const headers: Record<string, string> =
    senders['operator'] === undefined ? {} : { authorization: senders['operator'] };
  const { body } = await server.call('GET', '/api/machines', { headers });
  const metrics = await server.app.inject({ url: '/metrics', headers });
  const counts = metrics.body.match(
    /^dragonfly_(?:heartbeats|checkins|refused|denied|problems|machines_alive|http_request_seconds_count).*$/gm,
  );
  // By random tokens.
  for (const machine of body.machines) machine.token_holder = machine.token_holder !== undefined;
  return { machines: body.machines, counts };
}
