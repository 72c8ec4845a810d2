// A server under test: the real application on the real embedded store, over real HTTP on loopback.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 } from 'uuid';
import { expect, onTestFinished } from 'vitest';
import { systemClock, type Clock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import type { CheckinRequest } from '../../src/model/api/agent.ts';
import { EventParser, type ParsedEvent, type ServerEvent } from '../../src/model/api/events.ts';
import { createApp, type AppOptions, type Routes } from '../../src/server/app.ts';
import type { Principal } from '../../src/server/access/principal.ts';
import { LastCheckins } from '../../src/server/checkin/last-checkins.ts';
import { register, type Registration } from '../../src/server/checkin/registration.ts';
import { Events } from '../../src/server/running/events.ts';
import { Liveness } from '../../src/server/running/liveness/liveness.ts';
import { defaultLiveness } from '../../src/server/running/liveness/pace.ts';
import type { App } from '../../src/server/services.ts';
import { wrapStore as wrapEach, type Wrap } from '../../src/server/running/metrics/timed-store.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as JSON; the text where it is none. */
  // Tests look into answers of many shapes.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface Call {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly token?: string | undefined;
}

export interface TestServer {
  readonly url: string;
  readonly app: App;
  readonly store: Store;
  call(method: string, path: string, call?: Call): Promise<Answer>;
}

/** A directory that ends with the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'dragonfly-server-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** On a host that is busy with other tests a server turns nobody away for being late itself. */
const unhurried = { heartbeatLagMs: Infinity, checkinLagMs: Infinity };

/** A server that ends with the test. */
export async function startServer(
  options: Partial<AppOptions> = {},
  ...more: readonly Routes[]
): Promise<TestServer> {
  const store = options.store ?? (await openStore(`lmdb:${temporaryDirectory()}/data`));
  const overload = { ...unhurried, ...options.overload };
  const app = await createApp({ clock: systemClock, ...options, store, overload }, more);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    app.server.closeAllConnections();
    await app.close();
    await store.close();
  });
  return { url, app, store, call: (method, path, call) => request(url, method, path, call) };
}

/** Sends `call.body` as JSON, or a string as it is. */
export async function request(
  url: string,
  method: string,
  path: string,
  { body, headers = {}, token }: Call = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: asJson(text) };
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Registers check-ins without a server around it; by default from anybody, where nobody needs a token. */
export function registrar(
  store: Store,
  clock: Clock,
): (request: CheckinRequest, caller?: Principal) => Promise<Registration> {
  const liveness = new Liveness(clock, new Events('test'), () => 0.5, defaultLiveness);
  const lastCheckins = new LastCheckins(clock);
  const services = { store, clock, newId: v7, liveness, lastCheckins, log: silentLog };
  return (sent, caller = { kind: 'anyone' }) => register(services, sent, caller);
}

/** Reads events until `enough` says so, then leaves. */
export async function watch(
  server: TestServer,
  enough: (events: readonly ServerEvent[]) => boolean,
  { lastId, token }: { lastId?: string | undefined; token?: string } = {},
): Promise<ServerEvent[]> {
  const leave = new AbortController();
  const response = await fetch(`${server.url}/api/events`, {
    signal: leave.signal,
    headers: {
      ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const events: ServerEvent[] = [];
  const parser = new EventParser();
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    events.push(...parser.push(piece).map(serverEvent));
    if (enough(events)) break;
  }
  leave.abort();
  return events;
}

function serverEvent({ id = '', type, data }: ParsedEvent): ServerEvent {
  // As the server writes them.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { id, type: type as ServerEvent['type'], data: JSON.parse(data) };
}

/** The check-in of a machine whose MAC ends with `n`. */
export function checkin(n: number, more: Record<string, unknown> = {}) {
  const tail = [n >> 16, n >> 8, n].map((byte) => (byte & 255).toString(16).padStart(2, '0'));
  return { mac: `02:00:00:${tail.join(':')}`, hostname: `host-${n}`, ...more };
}

/** A template that overwrites a disk, and one that does not. */
export const imageTemplate = {
  apiVersion: 'dragonfly.computer/v1',
  kind: 'Template',
  metadata: { name: 'debian' },
  spec: {
    timeout: 600,
    actions: [
      { action: 'image2disk', url: '{{ server }}/images/debian.raw', disk: 'auto' },
      { action: 'writefile', path: '/etc/hostname', content: '{{ friendly_name }}\n' },
      { action: 'reboot' },
    ],
  },
};
export const rebootTemplate = {
  ...imageTemplate,
  metadata: { name: 'restart' },
  spec: { actions: [{ action: 'reboot' }] },
};

/** Members that are no operations of a collection, or answer at once. */
const direct: ReadonlySet<string> = new Set([
  'watch',
  'watchAgeMs',
  'settled',
  'close',
  'damage.known',
]);

/** A store with the operations of its collections replaced. */
export function wrapStore(store: Store, replace: Wrap): Store {
  return wrapEach(store, (name, operation) =>
    direct.has(name) ? operation : replace(name, operation),
  );
}

/** Registers machines whose MACs end with 1 to `count`; gives their ids. */
export async function registered(server: TestServer, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 1; n <= count; n += 1) {
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(n) });
    ids.push(body.machine_id);
  }
  return ids;
}
