// Requests of agents, plain ones and such as only fastify can answer.
import fc from 'fast-check';
import { checkin } from '../harness.ts';

export const path = '/api/agent/heartbeat';
export const checkinPath = '/api/agent/checkin';

/** Two machines that are there, and the boot that checked in last. */
export interface Known {
  readonly ids: readonly string[];
  readonly boot: string;
}

type Body = (known: Known) => string | Buffer;

export interface Beat {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly sender: string;
  readonly version: '1.1' | '1.0';
  readonly framing: 'length' | 'twice' | 'chunks' | 'trailers' | 'late' | 'cut' | 'none';
  readonly body: Body;
}

export const plain: Beat = {
  method: 'POST',
  target: path,
  headers: ['host: 127.0.0.1', 'content-type: application/json'],
  sender: 'first',
  version: '1.1',
  framing: 'length',
  body: ({ ids: [machine_id], boot }) =>
    JSON.stringify({ machine_id, boot_id: boot, sequence: 2, uptime_seconds: 9.5 }),
};

const json = (fields: object, which = 0): Body => {
  return ({ ids, boot }) => JSON.stringify({ machine_id: ids[which], boot_id: boot, ...fields });
};

/** A check-in of the n-th machine. */
const hello = (more: object, n = 0): Body => {
  return ({ boot }) => JSON.stringify(checkin(n, { boot_id: boot, sequence: 1, ...more }));
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

const checkins: readonly Body[] = [
  hello({}),
  hello({}, 1),
  hello({}, 2),
  hello({}, 3),
  hello({ smbios_uuid: '4c4c4544-0051-3510-8052-c4c04f4d3332' }, 4),
  hello({ smbios_uuid: '4c4c4544-0051-3510-8052-c4c04f4d3332' }, 5),
  hello({ sequence: 2 }),
  hello({ sequence: 3, memory_bytes: 5 }),
  hello({ boot_id: 'boot-3', uptime_seconds: 5 }),
  hello({ boot_id: 'boot-3', uptime_seconds: 1e6 }),
  hello({ boot_id: undefined }),
  hello({ boot_id: undefined }, 6),
  hello({ mac: 'none' }),
  hello({ mac: 5 }),
  hello({ mac: 'ff:ff:ff:ff:ff:ff' }),
  hello({ all_macs: ['none'] }),
  hello({ identity_hash: 'e'.repeat(64) }),
  hello({ hostname: 'x'.repeat(5000) }),
  hello({ hostname: 7 }),
  hello({ unknown: 'x'.repeat(70_000) }),
  hello({ problems: [{ code: 'disk.read', section: 'disks', source: 'sda', message: 'bad' }] }),
  hello({ existing_os: null, agent_version: '0.2.0', in_image: true }),
  text('{"mac":"02:00:00:00:00:00","boot_id":"BOOT","memory_bytes":18446744073709551615}'),
  text('{"mac":"02:00:00:00:00:00","boot_id":"BOOT\\ud800"}'),
  text('{"mac":"02:00:00:00:00:00","__proto__":{"a":1}}'),
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
  'connection: keep-alive',
  'connection: keep-alive, close',
  'connection: te, upgrade',
  'te: trailers',
  'transfer-encoding: identity',
  'content-length: 5',
  'content-length: +5',
  'content-type: text/plain',
  'content-type:',
  'authorization: Bearer other',
  'authorization:',
  'proxy-authorization: Bearer other',
  'x-folded: a\r\n b',
  'x-empty:',
  'x-odd: \u00e9\u00ff',
  'x-tab:\ta',
  'x-null: a\u0000b',
  'no colon',
  'space before : colon',
  ': no name',
  `x-long: ${'y'.repeat(12_000)}`,
  `x-longer: ${'y'.repeat(20_000)}`,
  'if-none-match: *',
  'range: bytes=0-1',
  'accept-encoding: gzip',
  'accept: text/html',
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
    .constantFrom<Beat['framing']>('twice', 'chunks', 'trailers', 'late', 'cut', 'none')
    .map((framing) => ({ framing })),
  fc.constant<Partial<Beat>>({ version: '1.0' }),
  fc.constantFrom(...extraHeaders).map((more) => ({ headers: [...plain.headers, more] })),
  fc
    .constantFrom(...hosts)
    .map((host) => ({ headers: [`host: ${host}`, 'content-type: application/json'] })),
  fc
    .constantFrom(...types)
    .map((type) => ({ headers: ['host: 127.0.0.1', `content-type: ${type}`] })),
);

/** A heartbeat. */
export const heartbeats = fc.constant<Partial<Beat>>({});

/** A check-in. */
export const greetings: fc.Arbitrary<Partial<Beat>> = fc.record({
  target: fc.constant(checkinPath),
  body: fc.constantFrom(...checkins),
  sender: fc.constantFrom('first', 'first', 'second', 'enrol', 'enrol', 'nobody'),
});

/** A request with up to two parts that are not plain; now and then time goes by before, or one of the boots checks
 *  in. */
export const stepOf = (sent: fc.Arbitrary<Partial<Beat>>) =>
  fc.record({
    ms: fc.constantFrom(0, 0, 0, 0, 0, 0, 1000, 6000, 61_000),
    boot: fc.constantFrom(...Array<undefined>(9).fill(undefined), 'boot-1', 'boot-2'),
    beat: fc
      .tuple(sent, fc.array(change, { maxLength: 2 }))
      .map(([one, changes]): Beat => Object.assign({}, plain, one, ...changes)),
  });
