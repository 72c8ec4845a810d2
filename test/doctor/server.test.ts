import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serverFindings, type ServerOptions } from '../../src/doctor/server-findings.ts';
import { ManualClock, systemClock } from '../../src/core/clock.ts';
import { startServer } from '../agent/server.ts';
import { hasOpenssl, TestCa } from '../transport/test-ca.ts';

const open: { close: () => Promise<unknown> }[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

function closing(server: Server | ReturnType<typeof createTcpServer>): void {
  open.push({
    close: () =>
      new Promise((resolve) => {
        if ('closeAllConnections' in server) server.closeAllConnections();
        server.close(resolve);
      }),
  });
}

/** A server that answers everything in this way; its address. */
async function serve(
  listener: RequestListener,
  tls?: { cert: string; key: string },
): Promise<string> {
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  closing(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on TCP has a port.
  return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const healthy: RequestListener = (_, response) => {
  response.setHeader('content-type', 'application/json').end('{"status":"ok"}');
};

/** The findings as "check verdict: message". */
async function examine(url: string, options: Partial<ServerOptions> = {}): Promise<string[]> {
  const defaults = { clock: systemClock, signal: new AbortController().signal, timeoutMs: 5000 };
  const findings = await serverFindings(new URL(url), { ...defaults, ...options });
  for (const { verdict, next } of findings) expect(next === null).toBe(verdict === 'pass');
  return findings.map(({ check, verdict, message }) => `${check} ${verdict}: ${message}`);
}

describe('the doctor and a server', () => {
  it('find a real one healthy', async () => {
    const server = await startServer();
    open.push(server);
    const findings = await examine(server.url);
    expect(findings[0]).toBe(`server pass: ${server.url} answers`);
    expect(findings[1]).toMatch(
      /^clock pass: this machine's is \d s (behind|ahead of) the server's$/,
    );
  });

  it('find nothing listening', async () => {
    const url = await serve(healthy);
    await open.pop()?.close();
    expect(await examine(url)).toEqual([`server fail: ${url}: nothing listens there`]);
  });

  it('find a name without address', async () => {
    const [finding] = await examine('http://no-such-host.invalid/');
    expect(finding).toMatch(/^DNS fail: no-such-host\.invalid has no address/);
  });

  it('find something else than a Dragonfly server', async () => {
    const portal = await serve((_, response) => response.end('<html>Log in</html>'));
    expect((await examine(portal))[0]).toMatch(
      /^server fail: .* 200, but not as a Dragonfly server would/,
    );
    const sick = await serve((_, response) => response.writeHead(503).end('{}'));
    expect((await examine(sick))[0]).toMatch(/^server fail: .*\/api\/health answers 503$/);
  });

  it('give up on one that never answers', async () => {
    const url = await serve(() => {});
    expect(await examine(url, { timeoutMs: 200 })).toEqual([
      `server fail: ${url}: no answer (timed out)`,
    ]);
  });

  it('give up on one that would speak another protocol', async () => {
    const url = await serve((_, response) =>
      response.socket?.write('HTTP/1.1 101 Other\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    );
    expect((await examine(url, { timeoutMs: 60_000 }))[0]).toContain('unanswered');
  });

  it('tell a server without TLS from one that is down', async () => {
    const url = await serve(healthy);
    const [finding] = await examine(url.replace('http:', 'https:'));
    expect(finding).toMatch(/it does not speak TLS/);
  });

  it('find a clock that differs by more than half a minute', async () => {
    const at =
      (date: string): RequestListener =>
      (_, response) => {
        response.setHeader('date', date).end('{}');
      };
    const clock = new ManualClock(new Date('2026-11-24T12:00:00Z'));
    const late = await serve(at('Tue, 24 Nov 2026 12:00:31 GMT'));
    expect((await examine(late, { clock }))[1]).toBe(
      "clock fail: this machine's is 31 s behind the server's",
    );
    const near = await serve(at('Tue, 24 Nov 2026 11:59:31 GMT'));
    expect((await examine(near, { clock }))[1]).toBe(
      "clock pass: this machine's is 29 s ahead of the server's",
    );
  });

  it('find another machine with the same machine-id', async () => {
    const machineId = '5'.repeat(32);
    const other = {
      identity: { machine_id: machineId, all_macs: ['52:54:00:00:00:09'] },
      config: { memorable_name: 'SomeOtherMachine' },
    };
    const url = await serve((request, response) => {
      const isList = request.url?.startsWith('/api/machines') === true;
      const isLast = request.url?.includes('cursor=two') === true;
      const page = { machines: isLast ? [other] : [], next_cursor: isLast ? null : 'two' };
      response.end(JSON.stringify(isList ? page : {}));
    });
    const own = {
      primary_mac: null,
      all_macs: ['52:54:00:00:00:01'],
      smbios_uuid: null,
      machine_id: machineId,
      identity_hash: '',
    };
    expect((await examine(url, { identity: own })).at(-1)).toMatch(
      /^machine-id fail: SomeOtherMachine \(52:54:00:00:00:09\) has the same one/,
    );
    const itself = { ...own, all_macs: ['52:54:00:00:00:09'] };
    expect((await examine(url, { identity: itself })).join()).not.toContain('machine-id');
  });
});

const skipped = hasOpenssl ? '' : ' (skipped: needs the openssl command)';
describe.skipIf(!hasOpenssl)(`the doctor and a certificate${skipped}`, () => {
  let ca: TestCa;
  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => {
    ca.remove();
  });

  it('that expired', async () => {
    const url = await serve(healthy, ca.issue('IP:127.0.0.1', '2020-01-01', '2020-02-01'));
    expect((await examine(url))[0]).toMatch(
      /^certificate fail: it expired on 2020-02-01; this machine's clock says 20/,
    );
  });

  it('that is not valid yet: the clock is behind', async () => {
    const url = await serve(healthy, ca.issue('IP:127.0.0.1', '2026-01-01', '2090-01-01'));
    const clock = new ManualClock(new Date('2000-01-01T00:05:00Z'));
    const findings = await examine(url, { clock });
    expect(findings[0]).toBe(
      "certificate fail: it is not valid before 2026-01-01; this machine's clock says 2000-01-01 00:05 UTC",
    );
    expect(findings[2]).toMatch(/^clock fail: this machine's is \d+ s behind/);
  });

  it('that shows none because it is asked by http, with a pinned CA: it is not asked', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked += 1;
      healthy(request, response);
    });
    expect(await examine(url, { caSha256: '0'.repeat(64) })).toEqual([
      `certificate fail: a CA is pinned, and ${url} would show no certificate: the agent does not ask it`,
    ]);
    expect(asked).toBe(0);
  });

  it('whose CA nobody knows, or is the pinned one', async () => {
    const url = await serve(healthy, ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01'));
    expect((await examine(url))[0]).toMatch(
      /^certificate fail: no CA that this machine trusts has signed it/,
    );
    expect((await examine(url, { caSha256: ca.sha256 }))[0]).toBe(
      'certificate pass: valid until 2090-01-01, from the pinned CA',
    );
    expect((await examine(url, { caSha256: '0'.repeat(64) }))[0]).toBe(
      'certificate fail: it does not lead to the pinned CA',
    );
  });

  it('for another name', async () => {
    const url = await serve(healthy, ca.issue('DNS:other.example', '2020-01-01', '2090-01-01'));
    expect((await examine(url, { caSha256: ca.sha256 }))[0]).toBe(
      'certificate fail: it is not for 127.0.0.1',
    );
  });
});
