// Sends requests to one server and makes sure that it, and nothing else, answers. Callers interpret the
// status: transport.ts for agents, src/client for operators.
import type { IncomingHttpHeaders } from 'node:http';
import { AppError, isAppError } from '../core/errors.ts';
import { parseExact, stringifyExact } from '../core/text/exact-json.ts';
import { splitZone } from './address.ts';
import { openConnections, type ConnectionOptions, type Connections } from './connections.ts';
import { readBounded, type Question } from './exchange.ts';

export interface RequestsOptions extends ConnectionOptions {
  readonly userAgent?: string;
  /** The setting that pins the CA, for error messages. */
  readonly pinSetting?: string;
  /** Integers beyond 2^53 are read as bigints. */
  readonly keepsIntegers?: boolean;
}

export interface Request {
  readonly method: Question['method'];
  /** Relative to the server's URL, without a leading slash. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** The bearer token. A request without one is anonymous. */
  readonly token?: string | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly isRepeatable: boolean;
}

interface Head {
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** An answer with any status. */
export interface Reply extends Head {
  readonly text: string;
  /** Its JSON; undefined if it is not JSON. */
  readonly body: unknown;
}

/** An answer with status 200 whose body is still arriving. */
export interface OpenReply extends Head {
  readonly parts: AsyncIterable<Uint8Array>;
}

const maxErrorBytes = 1024 * 1024;

/** Errors of all requests: AppError `server.unreachable`, `server.untrusted` or `server.garbled`; the
 *  signal's reason when it is aborted. */
export class Requests {
  readonly #base: URL;
  readonly #options: RequestsOptions;
  #connections: Promise<Connections> | undefined;

  /** `url` is the server's address, with a path where it lives below one. */
  constructor(url: string, options: RequestsOptions) {
    const { url: bare, zone } = splitZone(url);
    this.#base = new URL(bare.endsWith('/') ? bare : `${bare}/`);
    this.#options = zone === undefined ? options : { ...options, zone };
  }

  async send(request: Request): Promise<Reply> {
    const url = new URL(request.path, this.#base);
    return this.#explained(url, request, async (onSent) => {
      const connections = await this.#connected();
      const question = { ...this.#question(url, request), onSent };
      const { status, headers, text } = await connections.request(question);
      refuseWebPage(url, status, headers);
      return { url, status, headers, text, body: this.#parse(text) };
    });
  }

  /** Like `send`, but returns a good answer as soon as its headers are there. The body may go on for ever;
   *  a server that stays silent for `silenceMs` counts as gone. */
  async open(request: Request, silenceMs: number): Promise<OpenReply | Reply> {
    const url = new URL(request.path, this.#base);
    return this.#explained(url, request, async () => {
      const connections = await this.#connected();
      const answer = await connections.open(this.#question(url, request), silenceMs);
      const { status, headers, body } = answer;
      refuseWebPage(url, status, headers);
      if (status === 200) return { url, status, headers, parts: body };
      const text = await readBounded(body, maxErrorBytes);
      return { url, status, headers, text, body: this.#parse(text) };
    });
  }

  /** Resolves when all connections are closed. The next request opens new ones. */
  async close(): Promise<void> {
    const connections = this.#connections;
    this.#connections = undefined;
    (await connections)?.destroy();
  }

  #parse(text: string): unknown {
    try {
      return this.#options.keepsIntegers === true ? parseExact(text) : JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  #connected(): Promise<Connections> {
    this.#connections ??= openConnections(this.#base.origin, this.#options);
    return this.#connections;
  }

  #question(url: URL, { method, signal, token, body, headers, isRepeatable }: Request): Question {
    return {
      url,
      method,
      signal,
      isRepeatable,
      headers: {
        accept: 'application/json',
        'user-agent': this.#options.userAgent ?? 'dragonfly-agent',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: body === undefined ? undefined : stringifyExact(body),
    };
  }

  async #explained<T>(
    url: URL,
    { signal, isRepeatable }: Request,
    ask: (onSent: () => void) => Promise<T>,
  ): Promise<T> {
    let isSent = false;
    try {
      return await ask(() => (isSent = true));
    } catch (err) {
      signal.throwIfAborted();
      if (isAppError(err)) throw err;
      if (isCertificateError(err)) throw this.#untrusted(url, err);
      const what =
        isSent && !isRepeatable
          ? `the answer from ${url.origin} was lost; ${perhapsDone}`
          : `cannot reach ${url.origin}; ${nextStep(url, err)}`;
      throw new AppError('server.unreachable', what, { cause: err, details: { url: url.origin } });
    }
  }

  #untrusted(url: URL, err: NodeJS.ErrnoException): AppError {
    const isClock = err.code === 'CERT_NOT_YET_VALID' || err.code === 'CERT_HAS_EXPIRED';
    const pin = `pin the server's CA with ${this.#options.pinSetting ?? 'dragonfly.ca_sha256='}`;
    const step = isClock ? `check this machine's clock, or ${pin}` : pin;
    return new AppError('server.untrusted', `${url.origin} is not trusted; ${step}`, {
      cause: err,
      details: { url: url.origin, reason: err.code },
    });
  }
}

/** Advice after a change of which no answer tells. */
export const perhapsDone = 'what was asked may have been done: look before you repeat it';

/** True if OpenSSL refused the server's certificate.
 *  Source: Node.js documentation of tls, "X509 certificate error codes". */
export function isCertificateError(err: unknown): err is NodeJS.ErrnoException {
  const code = err instanceof Error && 'code' in err ? String(err.code) : '';
  return /CERT|^ERR_TLS_CERT_ALTNAME|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|^HOSTNAME_MISMATCH/.test(
    code,
  );
}

/** The thing to check after a failed connection. */
function nextStep({ protocol }: URL, err: unknown): string {
  const code = err instanceof Error && 'code' in err ? err.code : undefined;
  if (protocol === 'https:' && code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return 'what answers there speaks no TLS, so its address may be http://';
  }
  // As a server with TLS ends what is none, but not it alone.
  const isCut = protocol === 'http:' && (code === 'ECONNRESET' || code === 'HPE_INVALID_CONSTANT');
  return isCut
    ? 'check the network, that the server runs, and whether its address is https://'
    : 'check the network and that the server runs';
}

/** Throws if a portal or a proxy answered in place of the server. */
function refuseWebPage(url: URL, status: number, headers: IncomingHttpHeaders): void {
  const isHtml = (headers['content-type'] ?? '').startsWith('text/html');
  if ((status >= 300 && status < 400) || (isHtml && status < 500 && status !== 429)) {
    throw new AppError(
      'server.garbled',
      `a web page answered at ${url.origin}, not a Dragonfly server; check the URL, the proxy, or sign in to the network`,
      { details: { url: url.origin, status } },
    );
  }
}

/** Reads the delay of Retry-After, in seconds or as a date by the server's clock.
 *  Source: RFC 9110 section 10.2.3. Units: milliseconds. */
export function retryAfterMs({ headers }: Head, now: Date): number | undefined {
  const value = (headers['retry-after'] ?? '').trim();
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const untilMs = Date.parse(value);
  const serverMs = Date.parse(headers.date ?? '');
  const waitMs = untilMs - (Number.isNaN(serverMs) ? now.getTime() : serverMs);
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}
