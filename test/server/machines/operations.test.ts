import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AppError } from '../../../src/core/errors.ts';
import type { Log } from '../../../src/core/log.ts';
import { renewTls } from '../../../src/server/http/connections.ts';
import { createToken } from '../../../src/server/access/tokens.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { EtcdRefusal } from '../../../src/store/etcd/etcd-failures.ts';
import { openStore } from '../../../src/store/open.ts';
import { checkin, startServer, temporaryDirectory, wrapStore } from '../harness.ts';

describe('a server', () => {
  it('counts what happens for Prometheus', async () => {
    const server = await startServer();
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    await server.call('POST', '/api/agent/checkin', { body: checkin(1) });
    await server.call('POST', '/api/agent/heartbeat', { body: { machine_id: body.machine_id } });
    await server.call('GET', '/api/tags');
    const { body: text, headers } = await server.call('GET', '/metrics');
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    for (const line of [
      'dragonfly_checkins_total{matched_by="new"} 1',
      'dragonfly_checkins_total{matched_by="identity_hash"} 1',
      'dragonfly_heartbeats_total 1',
      'dragonfly_machines_alive{liveness="online",state="Discovered"} 1',
    ]) {
      expect(text).toContain(line);
    }
    for (const operation of ['machines.put', 'machines.list']) {
      expect(text).toContain(
        `dragonfly_store_seconds_count{operation="${operation}",outcome="ok"} 1`,
      );
    }
    expect(text).toMatch(/nodejs_eventloop_lag_seconds/);
  });

  it.each(['fails', 'hangs'])(
    'is alive while its store %s, from the first request on',
    async (how) => {
      const back = Promise.withResolvers<void>();
      let isThere = true;
      const store = wrapStore(await openStore('memory:'), (_name, operation) => async (...args) => {
        if (!isThere && how === 'fails')
          throw new AppError('store.unavailable', 'the disk said no');
        if (!isThere) await back.promise;
        return operation(...args);
      });
      const server = await startServer({ store });
      onTestFinished(() => {
        isThere = true;
        back.resolve();
      });
      isThere = false;
      const health = async (host = '127.0.0.1') => {
        const sent = httpGet(`${server.url}/api/health`, { headers: { host } });
        const [response]: IncomingMessage[] = await once(sent, 'response');
        return response?.resume().statusCode;
      };
      expect(await health()).toBe(200);
      const beganMs = performance.now();
      for (let n = 0; n < 20; n += 1) expect(await health()).toBe(200);
      expect(performance.now() - beganMs).toBeLessThan(2000);
      // Nobody knows whether there are tokens, which would let every name in.
      expect(await health('rebound.example')).toBe(403);
    },
  );

  it('is alive, but not ready, while its store cannot be reached; errors keep their meaning', async () => {
    const store = await openStore('memory:');
    let code: 'store.unavailable' | 'store.full' | undefined;
    const failing = wrapStore(store, (name, operation) => async (...args) => {
      const isWrite = name.endsWith('.put');
      if (code === 'store.unavailable' || (code === 'store.full' && isWrite)) {
        throw new AppError(code, 'the disk said no');
      }
      return operation(...args);
    });
    const server = await startServer({ store: failing });
    expect((await server.call('GET', '/api/ready')).status).toBe(200);
    code = 'store.full';
    const full = await server.call('PUT', '/api/settings/a', { body: { value: '1' } });
    expect([full.status, full.body.code]).toEqual([507, 'store.full']);
    const noRoom = await server.call('GET', '/api/ready');
    expect([noRoom.status, noRoom.body.code]).toEqual([507, 'store.full']);
    code = 'store.unavailable';
    expect((await server.call('GET', '/api/health')).status).toBe(200);
    const ready = await server.call('GET', '/api/ready');
    expect([ready.status, ready.body.code]).toEqual([503, 'store.unavailable']);
    expect(ready.headers.get('retry-after')).toBe('2');
    code = undefined;
    await server.call('PUT', '/api/settings/a', { body: { value: '1' } });
    expect((await server.call('GET', '/api/ready')).status).toBe(200);
  });

  it('is not ready while its store may be read and not written', async () => {
    let mayWrite = false;
    const store = wrapStore(await openStore('memory:'), (name, operation) => async (...args) => {
      if (name.endsWith('.put') && !mayWrite)
        throw new EtcdRefusal('etcdserver: permission denied', 7);
      return operation(...args);
    });
    const server = await startServer({ store });
    const put = () => server.call('PUT', '/api/settings/a', { body: { value: '1' } });
    expect((await put()).status).toBe(503);
    const ready = await server.call('GET', '/api/ready');
    expect([ready.status, ready.body.code]).toEqual([503, 'store.unavailable']);
    expect(ready.body.error).toContain('readwrite on the prefix dragonfly/');
    mayWrite = true;
    expect((await put()).status).toBe(201);
    expect((await server.call('GET', '/api/ready')).status).toBe(200);
  });

  it('is ready although its store refused one request, and tells nobody more than why', async () => {
    const store = await openStore('memory:');
    const large = wrapStore(store, (name, operation) => async (...args) => {
      if (name === 'settings.put') throw new EtcdRefusal('etcdserver: request is too large', 3);
      return operation(...args);
    });
    const server = await startServer({ store: large });
    const { status, body } = await server.call('PUT', '/api/settings/a', { body: { value: '1' } });
    expect([status, Object.keys(body).toSorted()]).toEqual([503, ['code', 'error', 'request_id']]);
    expect((await server.call('GET', '/api/ready')).status).toBe(200);
  });

  it('says nothing of a bug but an id, and logs the rest under that id', async () => {
    const store = await openStore('memory:');
    const broken = wrapStore(store, (name, operation) =>
      name === 'templates.get'
        ? () => {
            throw new TypeError('a secret of /the/inside');
          }
        : operation,
    );
    const logged: Record<string, unknown>[] = [];
    const note = (fields: Record<string, unknown>): void => void logged.push(fields);
    const log: Log = { debug() {}, info() {}, warn: note, error: note };
    const server = await startServer({ store: broken, log });
    const { status, body } = await server.call('GET', '/api/templates/x');
    expect(status).toBe(500);
    expect(body).toEqual({
      error: 'the server failed; its log has the details',
      code: 'internal.bug',
      request_id: expect.any(String),
    });
    expect(logged).toEqual([expect.objectContaining({ request_id: body.request_id })]);
    expect(String(logged[0]?.['err'])).toContain('a secret of /the/inside');
  });

  it('logs no token and no password', async () => {
    const logged: unknown[] = [];
    const note = (...args: unknown[]): void => void logged.push(args);
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const server = await startServer({ log });
    const token = await createToken(server.store, systemClock, {
      name: 'a',
      scope: 'full',
      expiresAt: null,
    });
    const { body } = await server.call('POST', '/api/agent/checkin', { body: checkin(1), token });
    const bmc = { address: 'a', username: 'b', bmc_type: 'Ipmi', password: 'hunter2' };
    await server.call('PATCH', `/api/machines/${body.machine_id}`, { body: { bmc }, token });
    await server.call('GET', `/api/machines?q=x`, { token: 'dfo_not-a-token' });
    const text = JSON.stringify(logged);
    expect(logged.length).toBeGreaterThan(0);
    for (const secret of [token, body.token, 'hunter2', 'dfo_not-a-token']) {
      expect(text).not.toContain(secret);
    }
  });
});

describe('TLS', () => {
  const hasOpenssl = (() => {
    try {
      execFileSync('openssl', ['version']);
      return true;
    } catch {
      return false;
    }
  })();

  function certificate(directory: string, name: string, signer?: string) {
    const [key, cert] = [`${directory}/${name}.key`, `${directory}/${name}.crt`];
    const signed =
      signer === undefined
        ? []
        : ['-CA', `${directory}/${signer}.crt`, '-CAkey', `${directory}/${signer}.key`];
    execFileSync(
      'openssl',
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name} -addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${cert}`
        .split(' ')
        .concat(signed),
      { stdio: 'ignore' },
    );
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  }

  /** The status of the answer and the name in the server's certificate. */
  function get(url: string, options: Record<string, unknown>): Promise<[number, unknown]> {
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(`${url}/api/health`, { agent: false, ...options }, (response) => {
        response.resume();
        // The socket of an HTTPS answer.
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion
        const { subject } = (response.socket as TLSSocket).getPeerCertificate();
        resolve([response.statusCode ?? 0, subject.CN]);
      });
      sent.on('error', reject).end();
    });
  }

  it.skipIf(!hasOpenssl)('takes a renewed certificate into use (needs openssl)', async () => {
    const directory = temporaryDirectory();
    const [one, two] = [certificate(directory, 'one'), certificate(directory, 'two')];
    const server = await startServer({ tls: one });
    expect(server.url).toMatch(/^https:/);
    const ca = [one.cert, two.cert];
    expect(await get(server.url, { ca })).toEqual([200, 'one']);
    renewTls(server.app.server, two);
    expect(await get(server.url, { ca })).toEqual([200, 'two']);
    expect(() => {
      renewTls(server.app.server, { cert: one.cert, key: two.key });
    }).toThrow(/mismatch/);
    expect(await get(server.url, { ca })).toEqual([200, 'two']);
  });

  it.skipIf(!hasOpenssl)(
    'asks for client certificates where a CA is given (needs openssl)',
    async () => {
      const directory = temporaryDirectory();
      const [own, ca] = [certificate(directory, 'server'), certificate(directory, 'ca')];
      const [client, stranger] = [
        certificate(directory, 'client', 'ca'),
        certificate(directory, 'stranger'),
      ];
      const server = await startServer({ tls: { ...own, ca: ca.cert } });
      const trust = { ca: own.cert };
      expect(await get(server.url, { ...trust, ...client })).toEqual([200, 'server']);
      await expect(get(server.url, trust)).rejects.toThrow(/alert|socket|reset/i);
      await expect(get(server.url, { ...trust, ...stranger })).rejects.toThrow(
        /alert|socket|reset/i,
      );
    },
  );
});
