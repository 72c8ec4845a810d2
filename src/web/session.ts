// The operator's token and the requests that carry it. The token lives as long as the browser tab; a session that lasts
// longer is a cookie, which no script can read.
import { parseExact, stringifyExact } from '../core/text/exact-json.ts';
import type { SessionCreated } from '../model/api/administration/sessions.ts';
import type { NewTokenRequest, TokenCreated } from '../model/api/administration/tokens.ts';

const storageKey = 'dragonfly.token';

const noCookie =
  'This browser did not keep the cookie of the server. Sign in for this tab alone, or open the server at the address it is configured for.';

/** A request that failed: an error answer, or none at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** The particulars that the server gave. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    code: string,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

export interface Answer<T> {
  readonly body: T;
  /** For the If-Match of a change based on this answer. */
  readonly etag: string | undefined;
}

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly body?: unknown;
  readonly ifMatch?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** A preview, which is asked for by a POST. */
  readonly changesNothing?: boolean;
}

export class Session {
  /** Called when the server asks for a token, or refuses this one. */
  onUnauthorized: () => void = () => {};
  /** True from a refusal until somebody signs in. */
  isSignedOut = false;
  /** The lead of this computer's clock over the server's. */
  clockAheadMs = 0;
  /** Settled once the token that is being created is known. */
  #creating: Promise<unknown> | undefined;

  get hasToken(): boolean {
    return sessionStorage.getItem(storageKey) !== null;
  }

  setToken(token: string): void {
    sessionStorage.setItem(storageKey, token);
  }

  forgetToken(): void {
    sessionStorage.removeItem(storageKey);
  }

  /** Signs in with a token: for this tab or, where `days` are given, by a session that the browser keeps. Errors:
   *  ApiError, `browser.no-cookie` if it keeps none. */
  async signIn(token: string, days: number | undefined): Promise<void> {
    this.forgetToken();
    const headers = { authorization: `Bearer ${token}` };
    if (days === undefined) {
      const response = await this.#send('/api/whoami', { headers });
      if (!response.ok) throw await errorOf(response);
      this.setToken(token);
      return;
    }
    const response = await this.#send('/api/sessions', { method: 'POST', body: { days }, headers });
    if (!response.ok) throw await errorOf(response);
    if ((await this.#send('/api/whoami')).status !== 401) return;
    // As its schema says.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const { id } = (await response.json()) as SessionCreated;
    await this.#send(`/api/sessions/${id}`, { method: 'DELETE', headers });
    throw new ApiError(0, 'browser.no-cookie', noCookie);
  }

  /** Returns the answer's JSON body. Errors: ApiError, `server.unreachable` if there was no answer. */
  async request<T>(path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    const response = await this.open(path, options);
    const text = await response.text();
    // The answers follow the schemas that these types come from.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const body = (text === '' ? undefined : parseExact(text)) as T;
    return { body, etag: response.headers.get('etag') ?? undefined };
  }

  /** Creates a token. The first one closes the server to whoever has none: this tab goes on with that one, and
   *  what it was asking meanwhile is asked again. Errors: ApiError. */
  async createToken(wanted: NewTokenRequest): Promise<TokenCreated> {
    const creating = this.#createToken(wanted);
    this.#creating = creating.catch(() => {});
    try {
      return await creating;
    } finally {
      this.#creating = undefined;
    }
  }

  async #createToken(wanted: NewTokenRequest): Promise<TokenCreated> {
    const response = await this.#send('/api/tokens', { method: 'POST', body: wanted });
    if (!response.ok) throw await this.#refused(response);
    // As its schema says.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const created = (await response.json()) as TokenCreated;
    if (!this.hasToken && (await this.#isLockedOut())) this.setToken(created.token);
    return created;
  }

  /** True if the server takes nothing from this tab any more; false where it cannot be asked. */
  async #isLockedOut(): Promise<boolean> {
    try {
      return (await this.#send('/api/whoami')).status === 401;
    } catch {
      return false;
    }
  }

  /** Returns the answer once its headers are there, to stream the body. Errors: ApiError. */
  async open(path: string, options: RequestOptions = {}): Promise<Response> {
    const sent = sessionStorage.getItem(storageKey);
    const response = await this.#send(path, options);
    if (response.ok) return response;
    if (response.status === 401) {
      await this.#creating;
      if (sent === null && this.hasToken) return this.open(path, options);
    }
    throw await this.#refused(response);
  }

  async #refused(response: Response): Promise<ApiError> {
    if (response.status === 401) {
      this.isSignedOut = true;
      this.onUnauthorized();
    }
    return errorOf(response);
  }

  /** Returns the answer, whatever its status. Errors: ApiError `server.unreachable`. */
  async #send(path: string, options: RequestOptions = {}): Promise<Response> {
    const { method = 'GET', body, ifMatch, signal, changesNothing = method === 'GET' } = options;
    const token = sessionStorage.getItem(storageKey);
    const headers = new Headers(options.headers);
    if (token !== null) headers.set('authorization', `Bearer ${token}`);
    if (ifMatch !== undefined) headers.set('if-match', ifMatch);
    if (body !== undefined) headers.set('content-type', 'application/json');
    let response: Response;
    try {
      response = await fetch(path, {
        method,
        headers,
        ...(body === undefined ? {} : { body: stringifyExact(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (err) {
      if (signal?.aborted) throw err;
      const what = changesNothing
        ? 'The server cannot be reached.'
        : 'The server gave no answer. The change may have been made: look before you repeat it.';
      throw new ApiError(0, 'server.unreachable', what);
    }
    const date = response.headers.get('date');
    if (date !== null) this.clockAheadMs = Date.now() - Date.parse(date);
    return response;
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const fallback = `The server answered with status ${String(response.status)}.`;
  try {
    // Any JSON; each field is checked below.
    const { error, code, ...details } = Object(await response.json());
    return new ApiError(
      response.status,
      typeof code === 'string' ? code : 'server.rejected',
      typeof error === 'string' ? error : fallback,
      details,
    );
  } catch {
    return new ApiError(response.status, 'server.rejected', fallback);
  }
}

/** A failure in words for the operator. */
export function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
