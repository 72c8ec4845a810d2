// What an agent says to a server over HTTP. Knows nothing of when to repeat it; an answer that is none
// becomes an AppError `server.*` here.
import { AppError, isAppError } from '../core/errors.ts';
import type {
  CheckinRequest,
  CheckinResponse,
  HeartbeatRequest,
  HeartbeatResponse,
  WorkflowEvent,
} from '../model/api.ts';
import {
  parseCheckinAnswer,
  parseErrorAnswer,
  parseHeartbeatAnswer,
  parseTemplate,
  parseWorkflow,
  type TemplateToRun,
  type WorkflowToRun,
} from './answers.ts';
import { openConnections, type ConnectionOptions, type Connections } from './connections.ts';
import type { Answer } from './exchange.ts';

export interface CallOptions {
  readonly signal: AbortSignal;
  /** The bearer token; a call without one is anonymous. */
  readonly token?: string | undefined;
}

/** Errors of all calls: AppError `server.unreachable`, `server.untrusted`, `server.rejected` (with `status`, `code` and
 *  `retryAfterMs` in its details) or `server.garbled`; the signal's reason when it is aborted. */
export interface Transport {
  /** Connects, and makes sure that no web page answers in the server's place. */
  greet(options: CallOptions): Promise<void>;
  checkIn(request: CheckinRequest, options: CallOptions): Promise<CheckinResponse>;
  heartbeat(request: HeartbeatRequest, options: CallOptions): Promise<HeartbeatResponse>;
  workflow(id: string, options: CallOptions): Promise<WorkflowToRun>;
  /** The template with its variables filled in for a machine. */
  template(name: string, machineId: string, options: CallOptions): Promise<TemplateToRun>;
  sendEvent(workflowId: string, event: WorkflowEvent, options: CallOptions): Promise<void>;
  /** Resolves when the connections are closed. */
  close(): Promise<void>;
}

export interface HttpTransportOptions extends ConnectionOptions {
  readonly userAgent?: string;
}

/** One server over HTTP. */
export class HttpTransport implements Transport {
  readonly #base: URL;
  readonly #options: HttpTransportOptions;
  #connections: Promise<Connections> | undefined;

  /** `url` is the server's address, with a path where it lives below one. */
  constructor(url: string, options: HttpTransportOptions) {
    this.#base = new URL(url.endsWith('/') ? url : `${url}/`);
    this.#options = options;
  }

  async greet(options: CallOptions): Promise<void> {
    try {
      await this.#call('GET', 'api/health', options);
    } catch (err) {
      // A server that knows no such path answers all the same.
      if (!isAppError(err, 'server.rejected')) throw err;
    }
  }

  async checkIn(request: CheckinRequest, options: CallOptions): Promise<CheckinResponse> {
    return parseCheckinAnswer(await this.#call('POST', 'api/agent/checkin', options, request));
  }

  async heartbeat(request: HeartbeatRequest, options: CallOptions): Promise<HeartbeatResponse> {
    return parseHeartbeatAnswer(await this.#call('POST', 'api/agent/heartbeat', options, request));
  }

  async workflow(id: string, options: CallOptions): Promise<WorkflowToRun> {
    return parseWorkflow(
      await this.#call('GET', `api/workflows/${encodeURIComponent(id)}`, options),
    );
  }

  async template(name: string, machineId: string, options: CallOptions): Promise<TemplateToRun> {
    const path = `api/templates/${encodeURIComponent(name)}?machine_id=${encodeURIComponent(machineId)}`;
    return parseTemplate(await this.#call('GET', path, options));
  }

  async sendEvent(id: string, event: WorkflowEvent, options: CallOptions): Promise<void> {
    await this.#call('POST', `api/workflows/${encodeURIComponent(id)}/events`, options, event);
  }

  async close(): Promise<void> {
    const connections = this.#connections;
    this.#connections = undefined;
    (await connections)?.destroy();
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    options: CallOptions,
    body?: unknown,
  ): Promise<unknown> {
    const url = new URL(path, this.#base);
    try {
      return await this.#exchange(method, url, options, body);
    } catch (err) {
      options.signal.throwIfAborted();
      if (isAppError(err, 'server.rejected')) throw err;
      // A connection on which something went wrong is not used again: its address or route may be gone.
      await this.close();
      if (isAppError(err)) throw err;
      if (isCertificateError(err)) throw untrusted(url, err);
      throw new AppError(
        'server.unreachable',
        `cannot reach ${url.origin}; check the network and that the server runs`,
        { cause: err, details: { url: url.origin } },
      );
    }
  }

  async #exchange(
    method: 'GET' | 'POST',
    url: URL,
    { signal, token }: CallOptions,
    body: unknown,
  ): Promise<unknown> {
    this.#connections ??= openConnections(this.#base.origin, this.#options);
    const connections = await this.#connections;
    const answer = await connections.request({
      url,
      method,
      signal,
      headers: {
        accept: 'application/json',
        'user-agent': this.#options.userAgent ?? 'dragonfly-agent',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return judge(url, answer, this.#options.clock.now());
  }
}

/** Whether OpenSSL refused the server's certificate.
 *  Source: Node.js documentation of tls, "X509 certificate error codes". */
function isCertificateError(err: unknown): err is NodeJS.ErrnoException {
  const code = err instanceof Error && 'code' in err ? String(err.code) : '';
  return /CERT|^ERR_TLS_CERT_ALTNAME|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|^HOSTNAME_MISMATCH/.test(
    code,
  );
}

function untrusted(url: URL, err: NodeJS.ErrnoException): AppError {
  const isClock = err.code === 'CERT_NOT_YET_VALID' || err.code === 'CERT_HAS_EXPIRED';
  const step = isClock
    ? "check this machine's clock, or pin the server's CA with dragonfly.ca_sha256="
    : "pin the server's CA with dragonfly.ca_sha256=";
  return new AppError('server.untrusted', `${url.origin} is not trusted; ${step}`, {
    cause: err,
    details: { url: url.origin, reason: err.code },
  });
}

/** The parsed body of a good answer, undefined when it is not JSON; throws for every other one. */
function judge(url: URL, answer: Answer, now: Date): unknown {
  const { status, headers, text } = answer;
  const isHtml = (headers['content-type'] ?? '').startsWith('text/html');
  const details = { url: url.origin, status };
  if ((status >= 300 && status < 400) || (isHtml && status < 500 && status !== 429)) {
    throw new AppError(
      'server.garbled',
      `a web page answered at ${url.origin}, not a Dragonfly server; check the URL, the proxy, or sign in to the network`,
      { details },
    );
  }
  const body = parseJson(text);
  if (status >= 200 && status < 300) return body;
  const told = parseErrorAnswer(body);
  throw new AppError(
    'server.rejected',
    `${url.origin} answered ${status} to ${url.pathname}${told === undefined ? '' : `: ${told.error}`}`,
    { details: { ...details, code: told?.code, retryAfterMs: retryAfterMs(answer, now) } },
  );
}

/** What Retry-After asks for, as seconds or as a date by the server's own clock.
 *  Source: RFC 9110 section 10.2.3. Units: milliseconds. */
function retryAfterMs({ headers }: Answer, now: Date): number | undefined {
  const value = (headers['retry-after'] ?? '').trim();
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const untilMs = Date.parse(value);
  const serverMs = Date.parse(headers.date ?? '');
  const waitMs = untilMs - (Number.isNaN(serverMs) ? now.getTime() : serverMs);
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
