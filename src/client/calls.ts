// Calls of a server's API: a method, a path and JSON. An error answer becomes an AppError with the code
// that the server gave it.
import type { Clock } from '../core/clock.ts';
import { AppError, isErrorCode } from '../core/errors.ts';
import { parseErrorAnswer } from '../transport/answers.ts';
import {
  perhapsDone,
  retryAfterMs,
  type Reply,
  type Request,
  type Requests,
} from '../transport/requests.ts';

export interface CallOptions {
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined;
}

export interface ChangeOptions extends CallOptions {
  /** The etag that the change is based on. If the document has another one by now, the server refuses with
   *  `request.stale`. */
  readonly ifMatch?: string | undefined;
}

/** A document and the etag of the version that was read. */
export interface Tagged<T> {
  readonly value: T;
  /** Undefined if the server gave none. */
  readonly etag: string | undefined;
}

/** The values of a query string, without those that are undefined. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Call extends ChangeOptions {
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A preview, which is asked for by a POST. */
  readonly changesNothing?: boolean;
  /** The objects that are in the document of the answer, in every version of the server. */
  readonly parts?: readonly string[];
  /** Likewise the fields that are no objects. */
  readonly fields?: readonly string[];
}

export interface CallsOptions {
  readonly token: string | undefined;
  readonly clock: Clock;
  /** Ends all calls. */
  readonly signal: AbortSignal;
}

export class Calls {
  readonly clock: Clock;
  readonly #requests: Requests;
  readonly #options: CallsOptions;

  constructor(requests: Requests, options: CallsOptions) {
    this.clock = options.clock;
    this.#requests = requests;
    this.#options = options;
  }

  /** Makes a call and returns the document in the answer. A write whose answer was lost
   *  (`server.unreachable`) may have been carried out, so only what changes nothing is ever sent twice. */
  async call<T>(method: Request['method'], path: string, call: Call = {}): Promise<Tagged<T>> {
    const reply = await this.#requests.send(this.#request(method, path, call));
    if (reply.status < 200 || reply.status >= 300) throw failure(reply, this.clock.now());
    const { parts, fields = [] } = call;
    if (parts !== undefined && !hasParts(reply.body, parts, fields))
      throw garbled(path, changes(method, call));
    // It is the server that was asked for, and its answers follow the schemas of these types.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return { value: reply.body as T, etag: reply.headers.etag };
  }

  async get<T>(path: string, call?: Call): Promise<T> {
    return (await this.call<T>('GET', path, { parts: [], ...call })).value;
  }

  /** The list in a field of an answer. */
  async getList<T>(path: string, field: string, call?: Call): Promise<T[]> {
    const { [field]: list } = await this.get<Readonly<Record<string, T[]>>>(path, call);
    if (Array.isArray(list)) return list;
    throw garbled(path);
  }

  /** An answer that is no JSON. */
  async text(path: string, call?: Call): Promise<string> {
    const reply = await this.#requests.send(this.#request('GET', path, call ?? {}));
    if (reply.status !== 200) throw failure(reply, this.clock.now());
    return reply.text;
  }

  async post<T>(path: string, body: unknown, call?: Call): Promise<T> {
    return (await this.call<T>('POST', path, { parts: [], ...call, body })).value;
  }

  async delete(path: string, call: Call = {}): Promise<void> {
    const reply = await this.#requests.send(this.#request('DELETE', path, call));
    if (reply.status < 200 || reply.status >= 300) throw failure(reply, this.clock.now());
    if (reply.status !== 204) throw garbled(path, true);
  }

  /** Yields the parts of an endless answer. Silence for `silenceMs` is an error. */
  async stream(path: string, call: Call, silenceMs: number): Promise<AsyncIterable<Uint8Array>> {
    const reply = await this.#requests.open(this.#request('GET', path, call), silenceMs);
    if ('parts' in reply) return reply.parts;
    throw failure(reply, this.clock.now());
  }

  /** A signal aborted by `signal` or by the end of the client. */
  endedBy(signal: AbortSignal | undefined): AbortSignal {
    const { signal: all } = this.#options;
    return signal === undefined ? all : AbortSignal.any([signal, all]);
  }

  #request(method: Request['method'], path: string, call: Call): Request {
    const { query = {}, body, ifMatch, headers, signal } = call;
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) search.set(name, String(value));
    }
    return {
      method,
      path: search.size === 0 ? path : `${path}?${search.toString()}`,
      token: this.#options.token,
      signal: this.endedBy(signal),
      body,
      headers: { ...headers, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) },
      isRepeatable: !changes(method, call),
    };
  }
}

/** True for an object that has these parts, which are objects too, and these fields. */
export function hasParts(
  document: unknown,
  parts: readonly string[],
  fields: readonly string[] = [],
): boolean {
  return (
    isObject(document) &&
    parts.every((part) => isObject(document[part])) &&
    fields.every((field) => Object.hasOwn(document, field))
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function changes(method: Request['method'], call: Call): boolean {
  return method !== 'GET' && call.changesNothing !== true;
}

function garbled(path: string, hasChanged = false): AppError {
  const advice = hasChanged ? `; ${perhapsDone}` : '';
  return new AppError(
    'server.garbled',
    `the answer to ${path} is not that of a Dragonfly server${advice}`,
  );
}

function failure(reply: Reply, now: Date): AppError {
  const { url, status, body } = reply;
  const told = parseErrorAnswer(body);
  const { error: _error, code: _code, ...particulars } = { error: '', code: '', ...Object(body) };
  const code = told?.code ?? '';
  return new AppError(
    isErrorCode(code) ? code : 'server.rejected',
    told?.error ?? `${url.origin} answered ${status} to ${url.pathname}`,
    {
      details: {
        ...particulars,
        url: url.origin,
        status,
        code: told?.code,
        retryAfterMs: retryAfterMs(reply, now),
      },
    },
  );
}

/** Builds a path of the API with names in it. Errors: AppError `request.invalid` for a name that a URL
 *  cannot hold, because it would lead elsewhere. */
export function pathOf(strings: TemplateStringsArray, ...names: readonly string[]): string {
  const wrong = names.find((name) => /^\.{0,2}$/.test(name) || !name.isWellFormed());
  if (wrong !== undefined) {
    throw new AppError('request.invalid', `"${wrong}" cannot be asked for by its name`);
  }
  return String.raw({ raw: strings }, ...names.map((name) => encodeURIComponent(name)));
}
