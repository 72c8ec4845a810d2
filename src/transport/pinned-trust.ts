// Connects to a server that is trusted through a pinned CA alone. While this machine's clock is wrong, it
// may take the time from that server, once.
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { chainOf, distrust, type Distrust } from './certificates.ts';
import { withDeadline } from '../core/deadline.ts';

export interface PinnedTrustOptions {
  /** The SHA-256 of the CA's certificate in DER form, in lower-case hex. */
  readonly caSha256: string;
  /** This machine's wall clock. */
  readonly now: () => Date;
  /** Sets the clock to the server's. If that fails, the difference is taken into account from then on.
   *  Without this function this machine's clock is trusted, not the server's. */
  readonly setClock?: (date: Date) => Promise<void>;
  /** The setting that pins the CA, for error messages. */
  readonly setting?: string;
}

const yearMs = 365.25 * 24 * 3_600_000;
const maxStepMs = 20 * yearMs;
/** The date of this release. A clock before it is certainly wrong; the largest step is then counted from
 *  here, so that even a clock in the year 2000 can be set. */
const releasedAt = Date.parse('2026-11-01T00:00:00Z');
const dateTimeoutMs = 10_000;

/** The destination of a connection. */
interface Destination {
  readonly host?: string | null | undefined;
}

type Connector<D> = (to: D) => Promise<Duplex>;

/** Returns a connector that hands out only sockets to servers that the pinned CA vouches for. `open` must
 *  connect without verifying and without resuming sessions (a resumed one shows no chain). */
export function trustedConnector<D extends Destination>(
  open: Connector<D>,
  trust: PinnedTrust,
  clock: Clock,
): Connector<D> {
  return async function connectTrusted(to): Promise<Duplex> {
    const socket = await open(to);
    if (!(socket instanceof TLSSocket)) {
      throw new TypeError('a connection without TLS has no certificate to verify');
    }
    const host = to.host ?? '';
    const chain = chainOf(socket);
    const refusal = trust.refusal(chain, host);
    if (refusal === undefined) return socket;
    try {
      const date = refusal.isAboutTime ? await askDate(socket, host, clock) : undefined;
      if (!(await trust.adoptTime(date, chain, host))) {
        throw new AppError(
          'server.untrusted',
          `${host} is not trusted: its certificate ${refusal.reason}; check ${trust.setting} and both clocks`,
        );
      }
    } finally {
      socket.destroy();
    }
    return connectTrusted(to);
  };
}

/** Trust in a pinned CA, with the known error of this machine's clock. */
export class PinnedTrust {
  readonly #o: PinnedTrustOptions;
  #offsetMs = 0;
  #isClockSet = false;

  constructor(options: PinnedTrustOptions) {
    this.#o = options;
  }

  get setting(): string {
    return this.#o.setting ?? 'dragonfly.ca_sha256';
  }

  /** Says why the server is not trusted; undefined if it is. */
  refusal(chain: readonly X509Certificate[], host: string): Distrust | undefined {
    const at = new Date(this.#o.now().getTime() + this.#offsetMs);
    return distrust(chain, this.#o.caSha256, host, at);
  }

  /** Takes the server's time if it is plausible, the certificates are valid at that time, and no time was
   *  taken before; returns whether it did. A server that needs a second step is not believed. */
  async adoptTime(
    date: Date | undefined,
    chain: readonly X509Certificate[],
    host: string,
  ): Promise<boolean> {
    const { setClock } = this.#o;
    if (date === undefined || setClock === undefined) return false;
    const localMs = this.#o.now().getTime();
    const stepMs = date.getTime() - Math.max(localMs, releasedAt);
    if (this.#isClockSet || !(Math.abs(stepMs) <= maxStepMs)) return false;
    if (distrust(chain, this.#o.caSha256, host, date) !== undefined) return false;
    this.#isClockSet = true;
    await setClock(date).catch(() => {});
    this.#offsetMs = date.getTime() - this.#o.now().getTime();
    return true;
  }
}

/** The time according to the server. Nothing else of its answer is used.
 *  Source: RFC 9110 section 6.6.1 (Date). */
async function askDate(socket: TLSSocket, host: string, clock: Clock): Promise<Date | undefined> {
  let head = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    head = (head + text).slice(0, 16_384);
  });
  socket.write(`HEAD /api/health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const stay = new AbortController().signal;
  await withDeadline(clock, dateTimeoutMs, stay, (signal) =>
    once(socket, 'close', { signal }),
  ).catch(() => {});
  const date = /^date: *(.+)$/im.exec(head)?.[1];
  const ms = Date.parse(date ?? '');
  return Number.isNaN(ms) ? undefined : new Date(ms);
}
