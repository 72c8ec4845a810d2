// A client of a server's HTTP API. src/model defines the documents, src/transport the connections.
import type { About } from '../model/api/agent.ts';
import { systemClock, type Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { parseSha256, parseToken, parseUrl } from '../transport/address.ts';
import { PinnedTrust } from '../transport/pinned-trust.ts';
import type { ProxySettings } from '../transport/proxy.ts';
import { Requests } from '../transport/requests.ts';
import { Calls, type CallOptions } from './calls.ts';
import { ConflictCalls } from './resources/conflicts.ts';
import { DamagedCalls } from './resources/damaged.ts';
import { ImageCalls } from './resources/images.ts';
import { MachineCalls } from './resources/machines.ts';
import { SettingCalls } from './resources/settings.ts';
import { TemplateCalls } from './resources/templates.ts';
import { AuditCalls } from './resources/audit.ts';
import { SessionCalls } from './resources/sessions.ts';
import { TokenCalls } from './resources/tokens.ts';
import { WebhookCalls } from './resources/webhooks.ts';
import { watch, type WatchedEvent, type WatchOptions } from './watch.ts';
import { WorkflowCalls } from './resources/workflows.ts';

export interface ClientOptions {
  /** An operator's token. Calls without one are anonymous. */
  readonly token?: string | undefined;
  /** CA certificates to trust instead of the system's, as PEM. */
  readonly ca?: string | undefined;
  /** The SHA-256 of the only certificate to trust, a CA's or the server's, in hex. */
  readonly caSha256?: string | undefined;
  /** The setting that pins a CA, as the errors of a program with settings of its own call it. */
  readonly pinSetting?: string | undefined;
  /** Like the environment variables http_proxy, https_proxy and no_proxy, which are not read. */
  readonly proxy?: ProxySettings | undefined;
  /** Aborts every call. */
  readonly signal?: AbortSignal | undefined;
  /** The limit for a request and its whole answer. Default: 60 s. Units: milliseconds. */
  readonly timeoutMs?: number | undefined;
  readonly userAgent?: string | undefined;
  readonly clock?: Clock | undefined;
  /** Returns [0, 1). */
  readonly random?: (() => number) | undefined;
}

/** A server that reads a large store may say nothing for so long. */
const backupSilenceMs = 60_000;

/** A client of a server's HTTP API. Nothing is sent before the first call, and only a GET is ever sent twice.
 *
 *  Errors of all calls: AppError with the code that the server gave (`machine.unknown`, `auth.required`;
 *  `server.rejected` for one that this version does not know), and `status` in its details;
 *  `server.unreachable`, after which a write may have been carried out or not; `server.untrusted`;
 *  `server.garbled` where something else answered; the signal's reason when it is aborted. */
export class Client {
  readonly machines: MachineCalls;
  readonly templates: TemplateCalls;
  readonly workflows: WorkflowCalls;
  readonly conflicts: ConflictCalls;
  readonly tokens: TokenCalls;
  readonly sessions: SessionCalls;
  readonly webhooks: WebhookCalls;
  readonly audit: AuditCalls;
  readonly settings: SettingCalls;
  readonly images: ImageCalls;
  readonly damaged: DamagedCalls;
  readonly #calls: Calls;
  readonly #requests: Requests;
  readonly #random: () => number;

  /** `url` is the server's address, with a path where it lives below one. Errors: AppError
   *  `config.invalid`. */
  constructor(url: string, options: ClientOptions = {}) {
    const { clock = systemClock, token, signal = new AbortController().signal } = options;
    this.#requests = openRequests(url, options, clock);
    const calls = new Calls(this.#requests, { clock, token, signal });
    this.#calls = calls;
    this.#random = options.random ?? Math.random;
    this.machines = new MachineCalls(calls);
    this.templates = new TemplateCalls(calls);
    this.workflows = new WorkflowCalls(calls);
    this.conflicts = new ConflictCalls(calls);
    this.tokens = new TokenCalls(calls);
    this.sessions = new SessionCalls(calls);
    this.webhooks = new WebhookCalls(calls);
    this.audit = new AuditCalls(calls);
    this.settings = new SettingCalls(calls);
    this.images = new ImageCalls(calls);
    this.damaged = new DamagedCalls(calls);
  }

  /** Follows the server's events, from now on or after a given event. An event names what changed; read it
   *  again. After a `reset`, read everything again. */
  events(options: WatchOptions = {}): AsyncGenerator<WatchedEvent> {
    return watch(this.#calls, options, this.#random);
  }

  /** Resolves if the server is ready to work. Errors: also `store.unavailable`. */
  async ready(options?: CallOptions): Promise<void> {
    await this.#calls.get('api/ready', options);
  }

  /** The version of the server, the size of its data, and its address as agents reach it. */
  async about(options?: CallOptions): Promise<About> {
    return this.#calls.get<About>('api/about', options);
  }

  /** A backup of all records, in parts, as "dragonfly-server restore" takes it.
   *  Errors: also `server.busy` while another one is read; while the parts arrive, `server.unreachable` for one that
   *  broke off. */
  async backup(options: CallOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    const parts = await this.#calls.stream('api/backup', options, backupSilenceMs);
    return unbroken(parts, this.#calls.endedBy(options.signal));
  }

  /** Aborts calls in progress and closes the connections. */
  close(): Promise<void> {
    return this.#requests.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Errors: AppError `server.unreachable` where the parts end too early; the signal's reason. */
async function* unbroken(
  parts: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* parts;
  } catch (cause) {
    signal.throwIfAborted();
    throw new AppError(
      'server.unreachable',
      'the backup broke off: the connection was lost, or the server could not read on, as its log says',
      { cause },
    );
  }
}

function openRequests(url: string, options: ClientOptions, clock: Clock): Requests {
  const { token, ca, caSha256, pinSetting, proxy, timeoutMs = 60_000, userAgent } = options;
  const base = checked('url', url, parseUrl);
  if (token !== undefined) checked('token', token, parseToken);
  if ((ca !== undefined || caSha256 !== undefined) && !base.startsWith('https:')) {
    throw new AppError('config.invalid', `${base} has no certificate to verify: use https://`);
  }
  if (ca !== undefined && caSha256 !== undefined) {
    throw new AppError('config.invalid', 'give the CA itself (ca) or its SHA-256, not both');
  }
  return new Requests(base, {
    clock,
    proxy,
    ca,
    trust: caSha256 === undefined ? undefined : pinnedTrust(caSha256, clock),
    pinSetting: pinSetting ?? 'caSha256',
    userAgent: userAgent ?? 'dragonfly-client',
    keepsIntegers: true,
    maxSockets: 16,
    maxAnswerBytes: 256 * 1024 * 1024,
    headersTimeoutMs: timeoutMs,
    totalTimeoutMs: timeoutMs,
  });
}

/** Trust in a computer whose clock is right. */
function pinnedTrust(caSha256: string, clock: Clock): PinnedTrust {
  return new PinnedTrust({
    caSha256: checked('caSha256', caSha256, parseSha256),
    now: () => clock.now(),
    setting: 'caSha256',
  });
}

function checked(option: string, text: string, parse: (text: string) => string): string {
  try {
    return parse(text);
  } catch (cause) {
    throw new AppError('config.invalid', `cannot use the client's ${option}`, { cause });
  }
}
