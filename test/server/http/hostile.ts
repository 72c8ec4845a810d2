// Every route, as the OpenAPI document lists them, and requests as nobody of good will sends them.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { openStore } from '../../../src/store/open.ts';
import { createApp } from '../../../src/server/app.ts';
import type { TestServer } from '../harness.ts';

interface Route {
  readonly method: string;
  readonly path: string;
  readonly takesBody: boolean;
}

/** The routes; read once, from a server of their own. */
export const routes: readonly Route[] = await listRoutes();

async function listRoutes(): Promise<Route[]> {
  const store = await openStore('memory:');
  const app = await createApp({ store, clock: systemClock });
  const document: {
    paths: Record<string, Record<string, { requestBody?: unknown }>>;
  } = JSON.parse(JSON.stringify(app.swagger()));
  await app.close();
  await store.close();
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      // HEAD answers as GET does, without a body.
      .filter(([method]) => method !== 'head')
      .map(([method, { requestBody }]) => ({
        method: method.toUpperCase(),
        path,
        takesBody: requestBody !== undefined,
      })),
  );
}

export const someId = '01890000-0000-7000-8000-000000000000';

const exampleOf: Readonly<Record<string, string>> = { id: someId, mac: '02-00-00-00-00-01' };

/** A path with its parameters filled: well-formed, but of nothing that exists. */
export function fill(path: string, value?: string): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(value ?? exampleOf[name] ?? 'nothing'),
  );
}

/** Gathers what is wrong, so that a failure lists all of it. */
export class Faults {
  readonly all: string[] = [];

  add(what: string, fault: string | undefined): void {
    if (fault !== undefined) this.all.push(`${what}: ${fault}`);
  }

  addUnless(isFine: boolean, what: string): void {
    if (!isFine) this.all.push(what);
  }
}

export async function expectEmpty(server: TestServer): Promise<void> {
  for (const [path, field] of [
    ['/api/machines', 'machines'],
    ['/api/templates', 'templates'],
    ['/api/workflows', 'workflows'],
    ['/api/settings', 'settings'],
    ['/api/tokens', 'tokens'],
  ] as const) {
    const { status, body } = await server.call('GET', path);
    expect(status).toBe(200);
    expect({ [path]: body[field] }).toEqual({ [path]: [] });
  }
}

/** A connection that sends this, and reads nothing unless it is told to. */
export async function send({ url }: Pick<TestServer, 'url'>, text: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.pause();
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** Everything that the server sends in answer to `text` until it closes. */
export async function exchange(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.on('data', (data: Buffer) => (received += data.toString()));
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
  return received;
}
