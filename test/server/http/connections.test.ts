// The limits of connections at the servers that take them.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import dns from 'node:dns';
import type { Server } from 'node:http';
import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { createApp } from '../../../src/server/app.ts';
import { openStore } from '../../../src/store/open.ts';
import { request } from '../harness.ts';

it('are the same at both addresses of localhost, and so is what clients are told', async () => {
  // Hosts differ in which of the two it has.
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  // One of the forms in which it is called, and the one that servers use.
  const lookUp = dns.lookup as unknown as (
    name: string,
    options: unknown,
    done: (err: null, found: unknown) => void,
  ) => void;
  vi.spyOn(dns, 'lookup').mockImplementation(((name, options, done) => {
    if (name === 'localhost') done(null, both);
    else lookUp(name, options, done);
  }) satisfies typeof lookUp as never);
  const servers = new Set<Server>();
  const note = (message: unknown): void => {
    servers.add(Object(message).server);
  };
  subscribe('http.server.request.start', note);
  const store = await openStore('memory:');
  const app = await createApp({ store, clock: systemClock });
  onTestFinished(async () => {
    vi.restoreAllMocks();
    unsubscribe('http.server.request.start', note);
    app.server.closeAllConnections();
    await app.close();
    await store.close();
  });
  const { port } = new URL(await app.listen({ host: 'localhost', port: 0 }));
  const told: unknown[] = [];
  for (const host of ['127.0.0.1', '[::1]']) {
    const { headers } = await request(`http://${host}:${port}`, 'GET', '/api/health', {
      headers: { connection: 'keep-alive' },
    });
    told.push(headers.get('keep-alive'));
  }
  expect(told).toEqual(['timeout=75', 'timeout=75']);
  expect([...servers].map(({ timeout }) => timeout)).toEqual([120_000, 120_000]);
  for (const { keepAliveTimeout } of servers) expect([0, 120_000]).toContain(keepAliveTimeout);
});
