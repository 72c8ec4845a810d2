// One round of the fuzzer: a server with two machines and senders of every kind, and so many requests made from its own
// document, some of them spoilt on the way. Answers everything that was wrong.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../../src/core/clock.ts';
import { createToken, type NewToken } from '../../../../src/server/access/tokens.ts';
import { createApp } from '../../../../src/server/app.ts';
import { checkStore } from '../../../../src/store/check.ts';
import { storeOver } from '../../../../src/store/kv-store.ts';
import { MemoryKv } from '../../../../src/store/memory.ts';
import { operationsOf, undescribed, type Operation } from './document.ts';
import { Draw } from './draw.ts';

/** In the other machine's record, which only operators for all machines may read. */
const ofOther = 'mark-of-the-other';
/** In a secret setting, which only `full` tokens may read. */
const secret = 'mark-of-a-secret';
/** In a machine's BMC, which nobody may read. */
const password = 'mark-of-a-password';

type Sender = readonly [name: string, token: string | undefined];

export interface Found {
  /** Answers by sender and status. */
  readonly answers: Map<string, number>;
  readonly faults: Set<string>;
}

export async function fuzzRound(seed: number, requests: number, found: Found): Promise<void> {
  const kv = new MemoryKv();
  const store = storeOver(kv);
  const note = (fault: string): void => void found.faults.add(`seed ${seed}: ${fault}`);
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (fields: object, message: string) =>
      note(
        `the log: ${message} ${JSON.stringify(fields, (_k, v) => (v instanceof Error ? v.stack : v))}`,
      ),
  };
  const app = await createApp({
    store,
    clock: systemClock,
    log,
    secretKeys: Buffer.alloc(32, 7).toString('base64'),
    webhooks: { lookUp: async () => [] },
    limits: { machineCheckins: { burst: 1e6, perSecond: 1 } },
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  try {
    const operations = operationsOf(JSON.stringify(app.swagger()));
    const { senders, known } = await people(url, (wanted) =>
      createToken(store, systemClock, { expiresAt: null, ...wanted }),
    );
    const draw = new Draw(seed, known);
    for (let n = 0; n < requests; n += 1) {
      const operation = draw.one(operations);
      // An endless answer.
      if (operation.path === '/api/events') continue;
      // Without machines and tokens there is little to ask for.
      if (operation.method === 'DELETE' && draw.isChance(0.8)) continue;
      const [sender, token] = draw.one(senders);
      const sent = { ...wish(draw, operation), token };
      const what = `${sender} ${operation.method} ${sent.path}`;
      if (draw.isChance(0.1)) {
        for (const status of await spoilt(draw, url, sent))
          if (status >= 500 && status !== 503) note(`${what}, spoilt on the way: ${status}`);
        continue;
      }
      const answer = await send(url, sent);
      const key = `${sender} ${answer.status}`;
      found.answers.set(key, (found.answers.get(key) ?? 0) + 1);
      const fault = faultOf(operation, sender, answer);
      if (fault !== undefined) note(`${what}: ${fault}; sent ${sent.body?.slice(0, 2000)}`);
      harvest(draw, answer.text);
    }
    await checkStore(kv, undefined, (finding) => note(`the store: ${JSON.stringify(finding)}`));
  } finally {
    app.server.closeAllConnections();
    await app.close();
    await store.close();
  }
}

interface Wish {
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
  readonly token?: string | undefined;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function faultOf(operation: Operation, sender: string, answer: Answer): string | undefined {
  const { status, text } = answer;
  if (status >= 500 && status !== 503) return `${status} ${text}`;
  if (text.includes(password)) return 'shows a password';
  if (!['full', 'operate', 'read'].includes(sender) && text.includes(ofOther))
    return `shows another machine: ${text.slice(0, 500)}`;
  if (sender !== 'full' && text.includes(secret)) return `shows a secret: ${text.slice(0, 500)}`;
  if (/\bat .*\.ts:\d|node_modules/.test(text)) return `shows its inside: ${text}`;
  return undescribed(operation, answer);
}

/** Machines, a template, settings, and senders of every kind. */
async function people(
  url: string,
  token: (wanted: Omit<NewToken, 'expiresAt'>) => Promise<string>,
): Promise<{ senders: Sender[]; known: string[] }> {
  // All before the first request, after which a server looks for new ones every few seconds.
  const full = await token({ name: 'full', scope: 'full' });
  const enrol = await token({ name: 'enrol', scope: 'enrol' });
  const operate = await token({ name: 'operate', scope: 'operate' });
  const read = await token({ name: 'read', scope: 'read' });
  const limited = await token({ name: 'limited', scope: 'operate', tags: ['rack-1'] });
  const hello = async (body: object) =>
    Object(JSON.parse((await ask('POST', '/api/agent/checkin', body, enrol)).text));
  const ask = (method: string, path: string, body: unknown, by = full) =>
    send(url, { method, path, body: JSON.stringify(body), token: by });
  const disk = (serial: string) => [{ name: 'sda', size_bytes: 10 ** 12, serial, model: 'M' }];
  const mine = await hello({ mac: '02:00:00:00:00:01', boot_id: 'b', disks: disk('S1') });
  const other = await hello({
    mac: '02:00:00:00:00:02',
    hostname: ofOther,
    boot_id: 'c',
    disks: disk(`${ofOther}-disk`),
  });
  const bmc = { address: '192.0.2.9', username: 'root', bmc_type: 'Ipmi', password };
  await ask('PATCH', `/api/machines/${other.machine_id}`, { bmc });
  await ask('PATCH', `/api/machines/${mine.machine_id}`, { tags: ['rack-1'] });
  await ask('PUT', '/api/settings/template.default_password', { value: secret });
  const template = {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Template',
    metadata: { name: 'restart' },
    spec: { actions: [{ action: 'reboot' }] },
  };
  await ask('PUT', '/api/templates/restart', template);
  const senders: Sender[] = [
    ['nobody', undefined],
    ['garbage', 'dfo_garbage'],
    ['full', full],
    ['full', full],
    ['operate', operate],
    ['read', read],
    ['limited', limited],
    ['enrol', enrol],
    ['machine', String(mine.token)],
  ];
  const known = [
    'restart debian template.default_password rack-1 rack-2 full read inventory x86_64 kernel a',
    '02:00:00:00:00:01 02-00-00-00-00-02 machines settings 00000000-0000-7000-8000-000000000000',
    `${mine.machine_id} ${other.machine_id} ${mine.machine_id} b c https://hooks.example/`,
  ].flatMap((text) => text.split(' '));
  return { senders, known };
}

/** A request as an operation wants it, more or less. */
function wish(draw: Draw, { method, path, parameters, body }: Operation): Wish {
  const query = new URLSearchParams();
  for (const { in: place, name, required, schema } of parameters) {
    if (place === 'query' && name !== 'wait' && (required === true || draw.isChance(0.25)))
      query.append(name, textOf(draw.value(schema)));
  }
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const schema = parameters.find((one) => one.name === name)?.schema ?? {};
    return encodeURIComponent(textOf(draw.value(schema))) || 'a';
  });
  const search = query.size === 0 ? '' : `?${query.toString()}`;
  const wanted =
    body === undefined
      ? undefined
      : draw.isChance(0.3) && 'example' in body
        ? body.example
        : draw.value(body.schema);
  return { method, path: filled + search, body: JSON.stringify(wanted) };
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.isWellFormed() ? text : 'a';
}

async function send(url: string, { method, path, body, token }: Wish): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
  return { status: response.status, type, text: await response.text() };
}

/** Sends a request as a bad line or proxy passes it on. Returns the statuses of the answers. */
async function spoilt(
  draw: Draw,
  url: string,
  { method, path, body, token }: Wish,
): Promise<number[]> {
  const { hostname, port } = new URL(url);
  const text = body ?? '';
  const headers = [
    `Host: ${hostname}:${port}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    'X-Forwarded-For: 192.0.2.77',
  ].toSorted(() => draw.below(3) - 1);
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${text}`);
  const pieces = draw.one<() => Buffer[]>([
    () => [bytes],
    () => [bytes.subarray(0, draw.below(bytes.length))],
    () => [bytes, bytes],
    () => [bytes.subarray(0, 30), bytes.subarray(30, 31), bytes.subarray(31)],
    () => [Buffer.from('\r\n'), bytes],
    () => [bytes.subarray(draw.below(40))],
  ])();
  const socket = connect(Number(port), hostname);
  let answered = '';
  socket.on('data', (data) => (answered += data.toString('latin1'))).on('error', () => {});
  await once(socket, 'connect');
  for (const piece of pieces) {
    socket.write(piece);
    await sleep(1);
  }
  socket.end();
  if (!socket.closed) await once(socket, 'close');
  return [...answered.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
}

/** Ids in an answer are used from now on. */
function harvest({ known }: Draw, text: string): void {
  const [id] = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(text) ?? [];
  if (id !== undefined && known.length < 60) known.push(id);
  else if (id !== undefined) known[40 + ((known.indexOf(id) + 20) % 20)] = id;
}
