// Posts to the receivers of webhooks. The address is judged where it is connected to, so that no name that resolves
// anew gets around it; no redirect is followed, and of an answer nothing is kept but its status.
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns';
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import type { Clock } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';
import { AppError } from '../core/errors.ts';
import { sharedLookUps, type LookUp } from './look-ups.ts';
import type { Networks } from './networks.ts';

export type { LookUp };

/** From the connection to the end of the answer. */
const totalMs = 15_000;
/** A longer answer is cut off. */
const mostAnswerBytes = 65_536;
/** More interim answers (1xx) than this are a receiver's way to keep the processor busy. */
const mostInterim = 10;
const idleMs = 4000;
const mostConnections = 32;

export interface ReceiverOptions {
  readonly clock: Clock;
  readonly networks: Networks;
  readonly userAgent: string;
  /** CA certificates to trust instead of Node's, PEM. */
  readonly ca?: string | undefined;
  readonly lookUp?: LookUp | undefined;
}

export interface Posted {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

export class Receivers {
  readonly #options: ReceiverOptions;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    const guarded = guard(
      sharedLookUps(options.lookUp ?? lookUpAll, options.clock),
      options.networks,
    );
    const pool = { keepAlive: true, timeout: idleMs, maxSockets: mostConnections, lookup: guarded };
    this.#http = new HttpAgent(pool);
    this.#https = new HttpsAgent({ ...pool, ca: options.ca });
  }

  /** Errors: AppError `webhook.address`; those of node:net, node:tls and node:http; an Error that says that there was no
   *  answer in time; the signal's reason. */
  async post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<Posted> {
    const { clock } = this.#options;
    this.refuseLiteral(url);
    return withDeadline(clock, totalMs, signal, async (ends) => {
      for (;;) {
        try {
          return await this.#send(url, headers, body, ends);
        } catch (err) {
          // A connection that was kept, and that the receiver closed just now, is no fault of either. The next one may
          // be such a connection as well; a new one is not.
          if (!(err instanceof StaleConnection)) throw ends.aborted ? ends.reason : err;
        }
      }
    });
  }

  /** Refuses a URL whose host is an address that may not be posted to: for such a one nothing is looked up.
   *  Errors: AppError `webhook.address`. */
  refuseLiteral(url: string): void {
    const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(host) !== 0 && !this.#options.networks.allow(host)) throw refused(host, host);
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #send(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<Posted> {
    const isTls = url.startsWith('https:');
    const { promise, resolve, reject } = Promise.withResolvers<Posted>();
    const sent = (isTls ? requestHttps : requestHttp)(url, {
      method: 'POST',
      agent: isTls ? this.#https : this.#http,
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': this.#options.userAgent,
        ...headers,
      },
    });
    // The last event of a request, and the only one after an answer with status 101.
    const onClose = (): void => reject(new Error('the receiver closed the connection unanswered'));
    sent.once('close', onClose);
    let interim = 0;
    sent.on('information', () => {
      interim += 1;
      if (interim > mostInterim)
        sent.destroy(new Error('the receiver answers, and never to an end'));
    });
    sent.on('response', (answer) => {
      sent.off('close', onClose);
      readOff(
        answer,
        () => {
          resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] });
        },
        reject,
      );
    });
    sent.on('error', (err: NodeJS.ErrnoException) => {
      const isStale = sent.reusedSocket && (err.code === 'ECONNRESET' || err.code === 'EPIPE');
      reject(isStale ? new StaleConnection() : err);
    });
    sent.end(body);
    return promise;
  }
}

class StaleConnection extends Error {}

/** Reads an answer to its end, so that the connection can be used again, unless it is long. */
function readOff(answer: IncomingMessage, done: () => void, failed: (err: Error) => void): void {
  let bytes = 0;
  answer.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes <= mostAnswerBytes) return;
    done();
    answer.destroy();
  });
  answer.on('end', done);
  answer.on('error', failed);
}

/** Looks up a name and gives the connection those of its addresses alone that may be connected to. */
function guard(lookUp: LookUp, networks: Networks): LookupFunction {
  const judged = callbackify(async (name: string, family: number): Promise<LookupAddress[]> => {
    const found = await lookUp(name);
    const fit = found.filter((one) => family === 0 || one.family === family);
    const allowed = fit.filter(({ address }) => networks.allow(address));
    if (allowed.length > 0) return allowed;
    throw refused(name, fit.map(({ address }) => address).join(', ') || 'no address');
  });
  return (name, { all, family = 0 }, callback) => {
    const wanted = family === 'IPv4' ? 4 : family === 'IPv6' ? 6 : family;
    judged(name, wanted, (err, found) => {
      if (err !== null || all === true) callback(err, found ?? []);
      else callback(null, found[0]?.address ?? '', found[0]?.family);
    });
  };
}

function refused(host: string, addresses: string): AppError {
  const what = host === addresses ? host : `${host} is ${addresses}, which`;
  return new AppError(
    'webhook.address',
    `${what} is not on the public internet: allow its network with --webhook-networks`,
    { details: { host } },
  );
}

function lookUpAll(name: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true }, (err, addresses) => {
      if (err === null) resolve(addresses);
      else reject(err);
    });
  });
}
