import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { classifyFailure } from '../../src/transport/failure.ts';
import { PinnedTrust } from '../../src/transport/pinned-trust.ts';
import { HttpTransport } from '../../src/transport/transport.ts';
import { download } from '../../src/transport/download.ts';
import { systemClock } from '../../src/core/clock.ts';
import { startServer } from '../agent/server.ts';
import { hasOpenssl, TestCa, type Issued } from './test-ca.ts';

const local = 'IP:127.0.0.1';
const yearMs = 365.25 * 24 * 3_600_000;

describe.skipIf(!hasOpenssl)('a server with a certificate (skipped without openssl)', () => {
  let ca: TestCa;
  let otherCa: TestCa;
  beforeAll(() => {
    ca = new TestCa();
    otherCa = new TestCa();
  });
  afterAll(() => {
    ca.remove();
    otherCa.remove();
  });

  const open: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
  });

  /** Checks in with a server that has this certificate and says that it is `serverDate`. */
  async function checkIn(
    tls: Issued,
    given: { pin?: string; serverDate?: Date; localDate?: Date; times?: number } = {},
  ) {
    const server = await startServer({ tls });
    open.push(server.close);
    const { serverDate } = given;
    if (serverDate !== undefined) {
      server.server.prependListener('request', (_request: unknown, response: unknown) => {
        if (typeof response !== 'object' || response === null || !('setHeader' in response)) return;
        if (typeof response.setHeader === 'function') {
          response.setHeader('date', serverDate.toUTCString());
        }
      });
    }
    const clockSetTo: Date[] = [];
    const trust =
      given.pin === undefined
        ? undefined
        : new PinnedTrust({
            caSha256: given.pin,
            now: () => given.localDate ?? new Date(),
            setClock: async (date) => void clockSetTo.push(date),
          });
    const outcomes: string[] = [];
    for (let i = 0; i < (given.times ?? 1); i++) {
      // Without a connection that is kept: each check-in shows the certificate anew.
      const transport = new HttpTransport(server.url, { clock: systemClock, trust });
      const request = { mac: '02:00:00:00:00:01' };
      outcomes.push(
        await transport.checkIn(request, { signal: new AbortController().signal }).then(
          () => 'registered',
          (err: unknown) => describeFailure(err),
        ),
      );
      await transport.close();
    }
    const { items } = await server.store.machines.list();
    return { outcome: outcomes.at(-1), outcomes, clockSetTo, records: items.length };
  }

  function describeFailure(err: unknown): string {
    const { kind, error } = classifyFailure(err);
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    return `${kind} ${error.code}: ${error.message}${cause}`;
  }

  it('is trusted when its certificate leads to the pinned CA', async () => {
    const tls = ca.issue(local, '2020-01-01', '2040-01-01');
    const { outcome, clockSetTo, records } = await checkIn(tls, { pin: ca.sha256 });
    expect([outcome, clockSetTo.length, records]).toEqual(['registered', 0, 1]);
  });

  it('is trusted when its own certificate is the pinned one', async () => {
    const tls = ca.issue(local, '2020-01-01', '2040-01-01');
    const { X509Certificate } = await import('node:crypto');
    const pin = new X509Certificate(tls.cert).fingerprint256.replaceAll(':', '').toLowerCase();
    expect((await checkIn(tls, { pin })).outcome).toBe('registered');
  });

  it('is refused when another CA is pinned, also if it sends along the pinned one', async () => {
    const tls = ca.issue(local, '2020-01-01', '2040-01-01');
    const other = await checkIn(tls, { pin: otherCa.sha256 });
    expect(other.outcome).toContain('server.untrusted');
    const dressedUp = { ...tls, cert: tls.cert.replace(ca.pem, otherCa.pem) };
    const forged = await checkIn(dressedUp, { pin: otherCa.sha256 });
    expect(forged.outcome).toContain('was not issued by the CA that it names');
    expect(other.records + forged.records).toBe(0);
  });

  it('is refused at once by who fetches a file from it, where nobody vouches for it', async () => {
    const server = await startServer({ tls: ca.issue(local, '2020-01-01', '2040-01-01') });
    open.push(server.close);
    const asked = download(`${server.url}/images/x`, {}, new AbortController().signal, {
      clock: systemClock,
      trustedOrigins: [],
      userAgent: 'test',
    });
    await expect(asked).rejects.toMatchObject({ code: 'server.untrusted' });
  });

  it('is not asked by http when a CA is pinned', async () => {
    const server = await startServer();
    open.push(server.close);
    const trust = new PinnedTrust({
      caSha256: ca.sha256,
      now: () => new Date(),
      setClock: async () => {},
    });
    const transport = new HttpTransport(server.url, { clock: systemClock, trust });
    const asked = transport.checkIn(
      { mac: '02:00:00:00:00:01' },
      { signal: new AbortController().signal },
    );
    await expect(asked).rejects.toMatchObject({ code: 'server.untrusted' });
    expect((await server.store.machines.list()).items).toEqual([]);
  });

  it('is refused under another name, and with a certificate that is not for servers', async () => {
    const elsewhere = ca.issue('DNS:elsewhere.example', '2020-01-01', '2040-01-01');
    expect((await checkIn(elsewhere, { pin: ca.sha256 })).outcome).toContain(
      'is not for 127.0.0.1',
    );
    const client = ca.issue(local, '2020-01-01', '2040-01-01', 'clientAuth');
    expect((await checkIn(client, { pin: ca.sha256 })).outcome).toContain('not for a server');
  });

  it('sets the clock, once, of a machine to which its good certificate is not yet valid', async () => {
    const tls = ca.issue(local, '2031-01-01', '2041-01-01');
    const serverDate = new Date('2032-03-04T05:06:07Z');
    const { outcomes, clockSetTo, records } = await checkIn(tls, {
      pin: ca.sha256,
      serverDate,
      times: 3,
    });
    expect(outcomes).toEqual(['registered', 'registered', 'registered']);
    expect(clockSetTo).toEqual([serverDate]);
    expect(records).toBe(1);
  });

  it('sets a clock that was reset to the year 2000', async () => {
    const tls = ca.issue(local, '2020-01-01', '2040-01-01');
    const { outcome, clockSetTo } = await checkIn(tls, {
      pin: ca.sha256,
      localDate: new Date('2000-01-01T00:00:12Z'),
      serverDate: new Date('2026-11-24T00:00:00Z'),
    });
    expect(outcome).toBe('registered');
    expect(clockSetTo).toHaveLength(1);
  });

  it('is refused when its certificate is not valid by its own clock either', async () => {
    const tls = ca.issue(local, '2010-01-01', '2015-01-01');
    const { outcome, clockSetTo, records } = await checkIn(tls, { pin: ca.sha256 });
    expect(outcome).toContain('expired on 2015-01-01');
    expect(outcome).toContain('check dragonfly.ca_sha256 and both clocks');
    expect([clockSetTo.length, records]).toEqual([0, 0]);
  });

  it('cannot move the clock by more than 20 years, nor a second time', async () => {
    const far = ca.issue(local, '2060-01-01', '2070-01-01');
    const serverDate = new Date('2061-01-01');
    const tooFar = await checkIn(far, { pin: ca.sha256, serverDate });
    expect(tooFar.outcome).toContain('is not valid before 2060-01-01');
    const trust = new PinnedTrust({
      caSha256: ca.sha256,
      now: () => new Date('2026-12-01'),
      setClock: async () => {},
    });
    const { X509Certificate } = await import('node:crypto');
    const chainOf = ({ cert }: Issued) =>
      cert
        .split(/(?<=-----END CERTIFICATE-----\n)/)
        .filter(Boolean)
        .map((p) => new X509Certificate(p));
    const first = chainOf(ca.issue(local, '2031-01-01', '2033-01-01'));
    const second = chainOf(ca.issue(local, '2040-01-01', '2042-01-01'));
    const at = (year: number) => new Date(Date.UTC(2026, 11, 1) + (year - 2026) * yearMs);
    expect(await trust.adoptTime(at(2032), first, '127.0.0.1')).toBe(true);
    expect(await trust.adoptTime(at(2041), second, '127.0.0.1')).toBe(false);
  });

  it('is refused without a pin, and the reason names the clock and the way out', async () => {
    for (const [from, to] of [
      ['2031-01-01', '2041-01-01'],
      ['2020-01-01', '2040-01-01'],
    ] as const) {
      const { outcome, records } = await checkIn(ca.issue(local, from, to));
      expect(outcome).toContain('network server.untrusted');
      expect(outcome).toContain('dragonfly.ca_sha256=');
      expect(records).toBe(0);
    }
  });
});
