// A client of etcd's JSON gateway over several endpoints, going on to the next when one fails. It knows
// nothing of what is sent: etcd-messages.ts does.
//
// The gateway over undici costs the caller about half the CPU of gRPC and no further packages. The price
// is part of the rate that one etcd member could reach.
import { Agent, request, type Dispatcher } from 'undici';
import { fullJitterMs } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';

/** A follower holds a request that a dead leader lost for 7 s; asking again sooner is safe. */
const answerTimeoutMs = 3000;
const connectTimeoutMs = 2000;
const backoff = { baseMs: 50, capMs: 1000 };
const connections = 64;
/** etcd shows that a watch is alive every 10 minutes. */
const watchSilenceMs = 900_000;

/** Numbers of gRPC's status codes. */
const grpc = { invalid: 3, resourceExhausted: 8, outOfRange: 11 } as const;

export interface EtcdOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  /** Tries go on for this long while nobody answers; an election takes a few seconds at worst. */
  readonly giveUpAfterMs: number;
}

export interface Answer<T> {
  readonly body: T;
  /** An earlier try may have been carried out as well. */
  readonly ambiguous: boolean;
}

/** etcd answered that it will not do it; trying again would not help. */
export class EtcdRefusal extends AppError {
  readonly isCompacted: boolean;

  constructor(message: string, grpcCode: number) {
    super('store.unavailable', 'etcd refused a request', { cause: new Error(message) });
    this.isCompacted = grpcCode === grpc.outOfRange;
  }
}

export class EtcdClient {
  readonly #endpoints: readonly string[];
  readonly #options: EtcdOptions;
  readonly #agent: Agent;
  readonly #closing = new AbortController();
  #current = 0;

  constructor(endpoints: readonly string[], options: EtcdOptions) {
    this.#endpoints = endpoints;
    this.#options = options;
    this.#agent = new Agent({ connections, connect: { timeout: connectTimeoutMs } });
  }

  /** Asks until an endpoint answers. Errors: EtcdRefusal; AppError `store.full`,
   *  `store.unavailable`. */
  async call<T>(path: string, body: object): Promise<Answer<T>> {
    const text = JSON.stringify(body);
    const { clock, random, giveUpAfterMs } = this.#options;
    const startedMs = clock.elapsedMs();
    let ambiguous = false;
    for (let attempt = 0; ; attempt += 1) {
      const endpoint = this.#current;
      try {
        return { body: await this.#ask<T>(endpoint, path, text), ambiguous };
      } catch (err) {
        if (err instanceof AppError) throw err;
        ambiguous ||= !wasNeverSent(err);
        this.#moveOn(endpoint);
        if (this.#closing.signal.aborted || clock.elapsedMs() - startedMs > giveUpAfterMs) {
          throw new AppError(
            'store.unavailable',
            `etcd does not answer at ${this.#endpoints.join(', ')}`,
            {
              cause: err,
            },
          );
        }
      }
      await clock.sleep(fullJitterMs(backoff, attempt, random), this.#closing.signal);
    }
  }

  /** Opens a stream of answers, one a line. Ends or throws when the connection does. */
  async *stream(path: string, body: object, signal: AbortSignal): AsyncIterable<unknown> {
    const endpoint = this.#current;
    try {
      const response = await this.#send(endpoint, path, JSON.stringify(body), {
        signal: AbortSignal.any([signal, this.#closing.signal]),
        bodyTimeout: watchSilenceMs,
      });
      let rest = '';
      response.body.setEncoding('utf8');
      for await (const text of response.body) {
        const lines = (rest + String(text)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') yield JSON.parse(line) as unknown;
      }
    } finally {
      this.#moveOn(endpoint);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new AppError('store.unavailable', 'the store is closed'));
    await this.#agent.destroy();
  }

  async #ask<T>(endpoint: number, path: string, text: string): Promise<T> {
    const response = await this.#send(endpoint, path, text, { bodyTimeout: answerTimeoutMs });
    const body: unknown = await response.body.json();
    if (response.statusCode !== 200) throw failure(body);
    // etcd's published interface says what each path answers.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return body as T;
  }

  async #send(
    endpoint: number,
    path: string,
    body: string,
    options: { bodyTimeout: number; signal?: AbortSignal },
  ): Promise<Dispatcher.ResponseData> {
    return request(`${this.#endpoints[endpoint] ?? ''}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      dispatcher: this.#agent,
      headersTimeout: answerTimeoutMs,
      ...options,
    });
  }

  /** To the next endpoint, unless another call has moved on already. */
  #moveOn(from: number): void {
    if (this.#current === from) this.#current = (from + 1) % this.#endpoints.length;
  }
}

/** The error in an answer other than 200: AppError and EtcdRefusal are final, others are not. */
function failure(body: unknown): Error {
  const said = typeof body === 'object' && body !== null ? body : {};
  const message = 'message' in said ? String(said.message) : 'no message';
  const code = 'code' in said ? Number(said.code) : 0;
  if (message.includes('database space exceeded')) {
    return new AppError(
      'store.full',
      'etcd has no space left: compact and defragment it, raise its quota, then disarm the alarm',
      { cause: new Error(message) },
    );
  }
  const isFinal = code === grpc.invalid || code === grpc.outOfRange;
  return isFinal ? new EtcdRefusal(message, code) : new Error(message);
}

/** True if the connection was refused: in every other case the request may have reached etcd. */
function wasNeverSent(err: unknown): boolean {
  return (
    err instanceof Error &&
    'code' in err &&
    (err.code === 'ECONNREFUSED' || err.code === 'UND_ERR_CONNECT_TIMEOUT')
  );
}
