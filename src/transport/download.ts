// Asks for a file over HTTP, wherever redirections lead, and gives the answer as it comes. What an answer
// means, and when to ask again, is decided by who asks.
import { isUtf8 } from 'node:buffer';
import { request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { inTime } from '../core/deadline.ts';
import { AppError } from '../core/errors.ts';
import { openAgent } from './connections.ts';
import type { PinnedTrust } from './pinned-trust.ts';
import type { ProxySettings } from './proxy.ts';
import { isCertificateError } from './requests.ts';

export interface Download {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Fails when the connection ends before the answer does. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection. */
  readonly close: () => void;
}

export interface DownloadOptions {
  readonly clock: Clock;
  readonly proxy?: ProxySettings | undefined;
  /** Counts for the servers of `trustedOrigins` alone; others are verified as browsers do. */
  readonly trust?: PinnedTrust | undefined;
  readonly trustedOrigins: readonly string[];
  /** The zones of the servers whose addresses have one, by origin. Two servers may have one address, each at a port of
   *  its own of this host. */
  readonly zones?: ReadonlyMap<string, readonly string[]>;
  readonly userAgent: string;
}

const maxRedirections = 5;

/** The answer to a GET. Errors: those of node:http and node:tls, AppError `server.garbled` for redirections
 *  that lead nowhere, `server.untrusted`, `config.invalid`, or the signal's reason. */
export async function download(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  options: DownloadOptions,
): Promise<Download> {
  let current = new URL(url);
  for (let redirections = 0; redirections <= maxRedirections; redirections += 1) {
    const answer = await askAround(current, headers, signal, options);
    const next = locationOf(answer, current);
    if (next === undefined) return answer;
    answer.close();
    if (current.protocol === 'https:' && next.protocol !== 'https:') {
      throw new AppError(
        'server.garbled',
        `${current.origin} redirects from https to ${next.origin}`,
      );
    }
    current = next;
  }
  throw new AppError('server.garbled', `${new URL(url).origin} redirects in circles`);
}

function locationOf({ status, headers }: Download, from: URL): URL | undefined {
  const location = headers['location'];
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  // Headers are read as Latin-1, and servers write names in UTF-8.
  const bytes = Buffer.from(location, 'latin1');
  const next = URL.parse(isUtf8(bytes) ? bytes.toString('utf8') : location, from);
  if (next !== null && /^https?:$/.test(next.protocol)) return next;
  throw new AppError(
    'server.garbled',
    `${from.origin} leads to something that is not a web address`,
  );
}

/** After so long without an answer the next zone is asked as well. */
const silenceMs = 2_000;
const lost = new Error('another zone answered first');

/** Asks through one zone after the other, the next as soon as those before have failed or are silent. The first answer
 *  counts, whenever it comes. */
async function askAround(
  url: URL,
  headers: OutgoingHttpHeaders,
  signal: AbortSignal,
  options: DownloadOptions,
): Promise<Download> {
  const zones = options.zones?.get(url.origin) ?? [];
  if (zones.length < 2) return ask(url, headers, signal, zones[0], options);
  const asked: { readonly answer: Promise<Download>; readonly end: AbortController }[] = [];
  const first = () =>
    Promise.any(asked.map(async ({ answer, end }) => ({ answer: await answer, end })));
  let won: Awaited<ReturnType<typeof first>> | undefined;
  try {
    for (const zone of zones) {
      const end = new AbortController();
      const answer = ask(url, headers, AbortSignal.any([signal, end.signal]), zone, options);
      asked.push({ answer, end });
      const silent = (): Error => new Error('silence');
      won = await inTime(first(), options.clock, silenceMs, silent, signal).catch(() => undefined);
      signal.throwIfAborted();
      if (won !== undefined) break;
    }
    won ??= await first();
    return won.answer;
  } catch (err) {
    const errors: readonly unknown[] = err instanceof AggregateError ? err.errors : [err];
    throw errors.at(-1);
  } finally {
    for (const { end } of asked) if (end !== won?.end) end.abort(lost);
  }
}

async function ask(
  url: URL,
  headers: OutgoingHttpHeaders,
  signal: AbortSignal,
  zone: string | undefined,
  { clock, proxy, trust, trustedOrigins, userAgent }: DownloadOptions,
): Promise<Download> {
  refuseMalformedUser(url);
  const pinned = trustedOrigins.includes(url.origin) ? trust : undefined;
  const { agent, destroy } = await openAgent(url.origin, { clock, proxy, zone, trust: pinned });
  // Node ends a request that is given up once it has a connection, or none: a silent server is not waited for.
  signal.addEventListener('abort', destroy, { once: true });
  try {
    signal.throwIfAborted();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request(url, {
        agent,
        signal,
        headers: { 'user-agent': userAgent, ...headers },
      });
      sent.once('response', resolve);
      sent.on('error', reject);
      sent.once('close', () => reject(new Error('the connection was closed without an answer')));
      sent.end();
    });
    return {
      status: response.statusCode ?? 0,
      headers: Object.fromEntries(
        Object.entries(response.headers).map(([name, value]) => [name, value?.toString()]),
      ),
      body: response,
      close() {
        response.destroy();
        destroy();
      },
    };
  } catch (err) {
    destroy();
    signal.throwIfAborted();
    throw isCertificateError(err) && !isAboutTime(err) ? untrusted(url, err) : err;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}

/** Errors: AppError `config.invalid` for a user or a password that Node's client cannot send. */
function refuseMalformedUser({ username, password, origin }: URL): void {
  try {
    decodeURIComponent(username + password);
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `the user or password in the URL of ${origin} cannot be read: write % as %25`,
      { cause },
    );
  }
}

/** A clock that is wrong at first may be set meanwhile. */
function isAboutTime({ code }: NodeJS.ErrnoException): boolean {
  return code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED';
}

function untrusted({ origin }: URL, cause: NodeJS.ErrnoException): AppError {
  return new AppError(
    'server.untrusted',
    `the certificate of ${origin} is not trusted; take a server with one of a public CA, or this server's own images`,
    { cause, details: { url: origin, reason: cause.code } },
  );
}
