// The same requests on the short way and through fastify alone, byte by byte.
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { ManualClock } from '../../../src/core/clock.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin, startServer, type TestServer } from '../harness.ts';

const path = '/api/agent/heartbeat';

interface Side {
  readonly server: TestServer;
  /** Authorizations by a name, since each server has tokens of its own. */
  readonly senders: Record<string, string>;
}

/** Two machines that are there, and the boot that checked in last. */
interface Known {
  readonly ids: readonly string[];
  readonly boot: string;
}

type Body = (known: Known) => string | Buffer;

interface Beat {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly sender: string;
  readonly framing: 'length' | 'chunks' | 'late' | 'cut' | 'none';
  readonly body: Body;
}

const plain: Beat = {
  method: 'POST',
  target: path,
  headers: ['host: 127.0.0.1', 'content-type: application/json'],
  sender: 'first',
  framing: 'length',
  body: ({ ids: [machine_id], boot }) =>
    JSON.stringify({ machine_id, boot_id: boot, sequence: 2, uptime_seconds: 9.5 }),
};

const json = (fields: object, which = 0): Body => {
  return ({ ids, boot }) => JSON.stringify({ machine_id: ids[which], boot_id: boot, ...fields });
};

/** A text that is no JSON object of plain fields. */
const text = (body: string): Body => {
  return ({ ids: [id = ''], boot }) => body.replaceAll('ID', id).replaceAll('BOOT', boot);
};

const bodies: readonly Body[] = [
  json({}, 1),
  json({ boot_id: 'boot-2' }),
  json({ boot_id: null }),
  json({ boot_id: undefined }),
  json({ machine_id: '01890000-0000-7000-8000-00000000ffff' }),
  json({ machine_id: 'nobody' }),
  json({ machine_id: 5 }),
  ({ ids: [id = ''], boot }) => JSON.stringify({ machine_id: id.toUpperCase(), boot_id: boot }),
  json({ identity_hash: 'e'.repeat(64) }),
  json({ problems: [] }),
  json({ problems: [{ code: 'disk.read', message: 'bad' }] }),
  json({ problems: [{ code: 7 }] }),
  json({ neighbours: [] }),
  json({ neighbours: [{ interface: 'eth0', neighbour: { chassis: 'a', port: 'b' } }] }),
  json({ uptime_seconds: -1 }),
  json({ uptime_seconds: '5' }),
  json({ sequence: 1.5 }),
  json({ boot_id: 'x'.repeat(5000) }),
  json({ unknown: 'x'.repeat(3000) }),
  json({ unknown: 'x'.repeat(9000) }),
  json({ unknown: 'ä€😀' }),
  text('{"machine_id":"ID","boot_id":"BOOT","sequence":18446744073709551615}'),
  text('{"machine_id":"ID","boot_id":"BOOT","uptime_seconds":1e400}'),
  text('{"machine_id":"ID","boot_id":"BOOT\\ud800"}'),
  text('{"machine_id":"ID","boot_id":"BOOT","__proto__":{"a":1}}'),
  text('{"machine_id":"ID","boot_id":"BOOT","machine_id":"ID"}'),
  text('\u{FEFF}{"machine_id":"ID","boot_id":"BOOT"}'),
  text(`{"machine_id":"ID","boot_id":"BOOT","deep":${'['.repeat(40)}${']'.repeat(40)}}`),
  text('[]'),
  text('null'),
  text('"ID"'),
  text('{"machine_id":"ID"'),
  text('not json'),
  text(' '),
  text(''),
  ({ ids: [id = ''], boot }) =>
    Buffer.concat([
      Buffer.from(`{"machine_id":"${id}","boot_id":"${boot}","a":"`),
      Buffer.from([0xff, 0x22, 0x7d]),
    ]),
];

const extraHeaders = [
  'origin: http://127.0.0.1',
  'origin: http://evil.example',
  'origin: null',
  'sec-fetch-site: cross-site',
  'sec-fetch-site: same-origin',
  'content-encoding: identity',
  'content-encoding: gzip',
  'expect: 100-continue',
  'expect: nothing',
  'accept: application/problem+json',
  'accept-version: 2.0.0',
  'host: other.example',
  'cookie: dragonfly_session=a.b',
  'connection: close',
  'upgrade: websocket',
  'x-request-id: chosen',
  'x-forwarded-for: 192.0.2.1',
];

const hosts = [
  'localhost:80',
  'LOCALHOST',
  '192.0.2.7',
  '[::1]:80',
  'evil.example',
  '127.0.0.1.evil.example',
  '',
];
const types = [
  'application/json; charset=utf-8',
  'application/json; charset=latin1',
  'Application/JSON',
  'application/merge-patch+json',
  'application/yaml',
  'text/plain',
  'json',
];
const targets = [
  `${path}?a=1`,
  `${path}/`,
  `/${path}`,
  '/api/agent/HEARTBEAT',
  '/api/agent/%68eartbeat',
  `http://127.0.0.1${path}`,
  `http://evil.example${path}`,
  '/api/agent/checkin',
  '*',
];

/** One part of a heartbeat, made otherwise. */
const change: fc.Arbitrary<Partial<Beat>> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...bodies).map((body) => ({ body })) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom('nobody', 'second', 'operator', 'enrol', 'wrong', 'basic')
      .map((sender) => ({ sender })),
  },
  fc.constantFrom(...targets).map((target) => ({ target })),
  fc.constantFrom('GET', 'PUT', 'HEAD', 'OPTIONS', 'post').map((method) => ({ method })),
  fc
    .constantFrom('chunks' as const, 'late' as const, 'cut' as const, 'none' as const)
    .map((framing) => ({ framing })),
  fc.constantFrom(...extraHeaders).map((more) => ({ headers: [...plain.headers, more] })),
  fc
    .constantFrom(...hosts)
    .map((host) => ({ headers: [`host: ${host}`, 'content-type: application/json'] })),
  fc
    .constantFrom(...types)
    .map((type) => ({ headers: ['host: 127.0.0.1', `content-type: ${type}`] })),
);

/** A heartbeat with up to two parts that are not plain; now and then time goes by before, or one of the boots checks
 *  in. */
const step = fc.record({
  ms: fc.constantFrom(0, 0, 0, 0, 0, 0, 1000, 6000, 61_000),
  boot: fc.constantFrom(...Array<undefined>(9).fill(undefined), 'boot-1', 'boot-2'),
  beat: fc
    .array(change, { maxLength: 2 })
    .map((changes): Beat => Object.assign({}, plain, ...changes)),
});

/** DRAGONFLY_FUZZ=100 makes a hundred times as many. */
const rounds = Number(process.env['DRAGONFLY_FUZZ'] ?? 1);
const numRuns = 120 * rounds;

it.each([false, true])(
  'answers byte by byte as fastify alone, with tokens: %s',
  async (areTokens) => {
    const clock = new ManualClock(new Date('2026-11-26T12:00:00Z'));
    const sides = [await start(clock, areTokens), await start(clock, areTokens, () => {})] as const;
    let known = { ids: await introduce(sides, 'boot-1'), boot: 'boot-1' };
    const routed = vi.spyOn(sides[0].server.app, 'routing');
    let short = 0;
    const property = fc.asyncProperty(step, async ({ ms, boot, beat }) => {
      await clock.advance(ms);
      if (boot !== undefined) known = { ids: await introduce(sides, boot), boot };
      routed.mockClear();
      const [answer, ofFastify] = await Promise.all(sides.map((side) => send(side, beat, known)));
      expect(answer).toBe(ofFastify);
      if (!routed.mock.calls.some(([{ url }]) => url === beat.target)) short += 1;
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

/** Servers that were started alike give the same ids. */
async function start(
  clock: ManualClock,
  areTokens: boolean,
  ...more: (() => void)[]
): Promise<Side> {
  let count = 0;
  const newId = (): string => `01890000-0000-7000-8000-${String((count += 1)).padStart(12, '0')}`;
  const store = await openStore('memory:');
  const server = await startServer({ store, clock, newId, random: () => 0.5 }, ...more);
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
      const { body } = await server.call('POST', '/api/agent/checkin', {
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
    `${beat.method} ${beat.target} HTTP/1.1`,
    ...beat.headers,
    ...(authorization === undefined ? [] : [`authorization: ${authorization}`]),
    ...framingOf(beat, body),
    '',
    '',
  ].join('\r\n');
  const next = 'GET /api/health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n';
  const sent = {
    length: body,
    late: body,
    none: Buffer.alloc(0),
    cut: body.subarray(0, body.length >> 1),
    chunks: Buffer.concat([
      Buffer.from(`${body.length.toString(16)}\r\n`),
      body,
      Buffer.from(body.length === 0 ? '\r\n' : '\r\n0\r\n\r\n'),
    ]),
  }[beat.framing];
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    // Nothing can come behind a request that is the last one, or is not whole.
    const isLast = beat.framing === 'cut' || beat.headers.includes('connection: close');
    const rest = Buffer.concat([sent, Buffer.from(isLast ? '' : next)]);
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => (received += piece));
    socket.on('error', () => {});
    socket.on('close', () => {
      resolve(received.replaceAll(/^Date: .*\r\n/gm, ''));
    });
    socket.once('connect', () => {
      if (beat.framing !== 'late') {
        socket.write(Buffer.concat([Buffer.from(head), rest]));
      } else {
        socket.write(head);
        setTimeout(() => socket.write(rest), 5);
      }
      if (beat.framing === 'cut') socket.end();
    });
  });
}

function framingOf({ framing }: Beat, body: Buffer): string[] {
  if (framing === 'none') return [];
  return [framing === 'chunks' ? 'transfer-encoding: chunked' : `content-length: ${body.length}`];
}

/** Whatever a heartbeat changes, as others see it. */
async function seen({ server, senders }: Side) {
  const headers: Record<string, string> =
    senders['operator'] === undefined ? {} : { authorization: senders['operator'] };
  const { body } = await server.call('GET', '/api/machines', { headers });
  const metrics = await server.app.inject({ url: '/metrics', headers });
  const counts = metrics.body.match(
    /^dragonfly_(?:heartbeats|refused|denied|problems|machines_alive).*$/gm,
  );
  // By random tokens.
  for (const machine of body.machines) machine.token_holder = machine.token_holder !== undefined;
  return { machines: body.machines, counts };
}
