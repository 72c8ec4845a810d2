// A client of etcd's JSON gateway over several endpoints, going on to the next when one fails. It knows
// nothing of what is sent: etcd-messages.ts does.
//
// The gateway over undici costs the caller about half the CPU of gRPC and no further packages. The price
// is part of the rate that one etcd member could reach.
import { createSecureContext } from 'node:tls';
import { Agent, request, type Dispatcher } from 'undici';
import { fullJitterMs } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError, isAppError } from '../../core/errors.ts';
import { isSameAccess, openAccess, type EtcdAccess } from './etcd-access.ts';
import { failure, TokenEnded, wasNeverSent } from './etcd-failures.ts';
import { Pulse, type Dependent } from './etcd-pulse.ts';

/** A follower holds a request that a dead leader lost for 7 s; asking again sooner is safe. */
const answerTimeoutMs = 3000;
const connectTimeoutMs = 2000;
const backoff = { baseMs: 50, capMs: 1000 };
const connections = 64;
/** etcd shows that a watch is alive every 10 minutes. */
const watchSilenceMs = 900_000;

/** The interval at which certificates and passwords are read again. */
const accessMs = 5000;
/** The interval at which the members are looked up again. */
const lookUpMs = 60_000;

export interface EtcdOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  /** Tries go on for this long while nobody answers; an election takes a few seconds at worst. */
  readonly giveUpAfterMs: number;
  /** Read at the start and every few seconds. */
  readonly access?: (() => EtcdAccess) | undefined;
  /** Looks the members up, at the start and every minute; without it they are as given. */
  readonly lookUp?: (() => Promise<readonly string[]>) | undefined;
}

export interface Answer<T> {
  readonly body: T;
  /** An earlier try may have been carried out as well. */
  readonly ambiguous: boolean;
}

export class EtcdClient {
  #members: readonly string[];
  readonly #options: EtcdOptions;
  readonly #closing = new AbortController();
  readonly #pulse: Pulse;
  #access: EtcdAccess;
  #agent: Agent;
  /** The token of the user, which etcd gives for a while. */
  #token: Promise<string> | undefined;
  #current = 0;

  /** Errors: those of reading the access. */
  constructor(members: readonly string[], options: EtcdOptions) {
    this.#members = members;
    this.#options = options;
    this.#access = options.access?.() ?? openAccess;
    this.#agent = agentFor(this.#access);
    this.#pulse = new Pulse(options.clock, async (member) => {
      const { header } = await this.#ask<RangeAnswer>(member, '/v3/kv/range', quorumRead);
      return Number(header.revision);
    });
    if (options.access !== undefined)
      void this.#repeat(accessMs, async () => void this.#renewAccess());
    if (options.lookUp !== undefined) void this.#repeat(lookUpMs, () => this.#lookUp());
  }

  /** Asks until a member answers. Errors: EtcdRefusal; AppError `store.full`, `store.unavailable`. */
  async call<T>(path: string, body: object): Promise<Answer<T>> {
    const text = JSON.stringify(body);
    const { clock, random, giveUpAfterMs } = this.#options;
    const startedMs = clock.elapsedMs();
    let ambiguous = false;
    for (let attempt = 0; ; attempt += 1) {
      const member = this.#member;
      try {
        return { body: await this.#ask<T>(member, path, text), ambiguous };
      } catch (err) {
        // The files by which etcd lets this server in may have been replaced.
        const isRenewed = this.#renewAccess();
        if (err instanceof AppError && !isRenewed) throw err;
        ambiguous ||= !(err instanceof AppError) && !wasNeverSent(err);
        this.#moveOn(member);
        if (this.#closing.signal.aborted || clock.elapsedMs() - startedMs > giveUpAfterMs) {
          throw new AppError(
            'store.unavailable',
            `etcd does not answer at ${this.#members.join(', ')}`,
            { cause: err },
          );
        }
      }
      await clock.sleep(fullJitterMs(backoff, attempt, random), this.#closing.signal);
    }
  }

  /** Opens a stream of answers, one a line. Ends or throws when the connection does, or when its member does not
   *  answer any more. `onAnswer`: the member, asked beside the stream, had this revision: the stream may not. */
  async *stream(
    path: string,
    body: object,
    signal: AbortSignal,
    onAnswer: Dependent['onAnswer'],
  ): AsyncIterable<unknown> {
    const member = this.#member;
    const lost = new AbortController();
    const onLost = (): void => {
      lost.abort(new Error(`${member} does not answer`));
    };
    const leave = this.#pulse.depend(member, { onAnswer, onLost });
    try {
      const response = await this.#send(member, path, JSON.stringify(body), {
        signal: AbortSignal.any([signal, this.#closing.signal, lost.signal]),
        bodyTimeout: watchSilenceMs,
      });
      if (response.statusCode !== 200) throw this.#failure(await response.body.json());
      let rest = '';
      response.body.setEncoding('utf8');
      for await (const text of response.body) {
        const lines = (rest + String(text)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') yield JSON.parse(line) as unknown;
      }
    } finally {
      leave();
      this.#moveOn(member);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new AppError('store.unavailable', 'the store is closed'));
    await this.#agent.destroy();
  }

  get #member(): string {
    return this.#members[this.#current % this.#members.length] ?? '';
  }

  /** A token that ended is replaced by a new one, once. */
  async #ask<T>(member: string, path: string, text: string): Promise<T> {
    try {
      return await this.#askOnce<T>(member, path, text);
    } catch (err) {
      if (!(err instanceof TokenEnded)) throw err;
      return this.#askOnce<T>(member, path, text);
    }
  }

  async #askOnce<T>(member: string, path: string, text: string): Promise<T> {
    const response = await this.#send(member, path, text, { bodyTimeout: answerTimeoutMs });
    const body: unknown = await response.body.json();
    if (response.statusCode !== 200) throw this.#failure(body);
    // etcd's published interface says what each path answers.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return body as T;
  }

  async #send(
    member: string,
    path: string,
    body: string,
    options: { bodyTimeout: number; signal?: AbortSignal },
  ): Promise<Dispatcher.ResponseData> {
    const token = await this.#authenticate(member);
    return this.#post(member, path, body, token, options);
  }

  async #post(
    member: string,
    path: string,
    body: string,
    token: string | undefined,
    options: { bodyTimeout: number; signal?: AbortSignal },
  ): Promise<Dispatcher.ResponseData> {
    return request(member + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: token }),
      },
      body,
      dispatcher: this.#agent,
      headersTimeout: answerTimeoutMs,
      ...options,
    });
  }

  /** The token of the user; undefined without one. */
  async #authenticate(member: string): Promise<string | undefined> {
    if (this.#access.user === undefined) return undefined;
    const token = (this.#token ??= this.#fetchToken(member));
    try {
      return await token;
    } catch (err) {
      if (this.#token === token) this.#token = undefined;
      throw err;
    }
  }

  async #fetchToken(member: string): Promise<string> {
    const { user: name, password } = this.#access;
    const text = JSON.stringify({ name, password });
    const options = { bodyTimeout: answerTimeoutMs };
    const response = await this.#post(member, '/v3/auth/authenticate', text, undefined, options);
    const body: unknown = await response.body.json();
    if (response.statusCode !== 200) throw this.#failure(body);
    return String(Object(body).token);
  }

  #failure(body: unknown): Error {
    const err = failure(body);
    if (err instanceof TokenEnded) this.#token = undefined;
    return err;
  }

  /** Takes up files that have changed. Those that cannot be read, or do not fit together yet, are left for later.
   *  True if there were any. */
  #renewAccess(): boolean {
    try {
      const access = this.#options.access?.() ?? openAccess;
      if (isSameAccess(access, this.#access)) return false;
      const agent = agentFor(access);
      const old = this.#agent;
      this.#access = access;
      this.#agent = agent;
      this.#token = undefined;
      // Calls under way go on to their end, watches as well.
      old.close().catch(() => {});
      return true;
    } catch (err) {
      if (isAppError(err, 'config.invalid')) return false;
      throw err;
    }
  }

  async #lookUp(): Promise<void> {
    const found = (await this.#options.lookUp?.()) ?? [];
    if (found.length > 0) this.#members = found;
  }

  async #repeat(everyMs: number, work: () => Promise<void>): Promise<void> {
    while (!this.#closing.signal.aborted) {
      // A failure is left to the next turn.
      await this.#options.clock
        .sleep(everyMs, this.#closing.signal)
        .then(work)
        .catch(() => {});
    }
  }

  /** To the next member, unless another call has moved on already. */
  #moveOn(from: string): void {
    if (this.#member === from) this.#current = (this.#current + 1) % this.#members.length;
  }
}

interface RangeAnswer {
  readonly header: { readonly revision: string };
}

/** A read that only a member with a quorum answers. */
const quorumRead = JSON.stringify({ key: Buffer.from('dragonfly/').toString('base64') });

/** Errors: AppError `config.invalid` for a certificate that does not fit its key. */
function agentFor({ ca, cert, key }: EtcdAccess): Agent {
  try {
    createSecureContext({ ca, cert, key });
  } catch (cause) {
    throw new AppError('config.invalid', 'cannot use the certificates for etcd', { cause });
  }
  const tls = Object.fromEntries(
    Object.entries({ ca, cert, key }).filter(([, text]) => text !== undefined),
  );
  return new Agent({ connections, connect: { timeout: connectTimeoutMs, ...tls } });
}
