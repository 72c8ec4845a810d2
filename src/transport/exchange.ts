// Sends one request over node:http and reads its answer, each part within its time and size, without
// interpreting it. Node's own client has a native parser. One in WebAssembly (undici) would load V8's
// compiler for it: a quarter of the memory of an agent at rest.
import { request, type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { Patience } from '../core/deadline.ts';

export interface Question {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
  /** Sending it twice has the same effect and answer as sending it once, or does no harm. */
  readonly isRepeatable: boolean;
  /** Called once all of it was sent, after which it may have been carried out whatever becomes of the answer. */
  readonly onSent?: () => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** An answer whose body is still arriving. Reading it throws the errors of `exchange`. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ExchangeLimits {
  /** From a connection to the end of the answer's headers. */
  readonly headersTimeoutMs?: number;
  /** From one part of the answer's body to the next. */
  readonly bodyTimeoutMs?: number;
  /** From the request, including the wait for a connection, to the answer's last byte. Infinity: the answer
   *  may go on for ever. */
  readonly totalTimeoutMs?: number;
  readonly maxAnswerBytes?: number;
}

const maxHeaderSize = 16_384;

/** An idle connection turned out to be closed when it was used. Nobody answered, so the request may be sent
 *  again over a new one. */
export class StaleConnection extends Error {
  constructor() {
    super('the server closed an idle connection at the moment it was used');
  }
}

/** Sends a request over a connection of `agent`, which limits the time to make one.
 *  Errors: those of node:net, node:tls and node:http, StaleConnection, AppError `server.garbled`, an Error
 *  that says what was too late, or the signal's reason. */
export async function exchange(
  agent: Agent,
  question: Question,
  limits: ExchangeLimits,
  clock: Clock,
): Promise<Answer> {
  const { status, headers, body } = await openExchange(agent, question, limits, clock);
  return { status, headers, text: await readBounded(body, limits.maxAnswerBytes ?? 1024 * 1024) };
}

/** Like `exchange`, but returns as soon as the headers are there. The connection is in use until the body
 *  has been read to its end or abandoned. */
export async function openExchange(
  agent: Agent,
  { method, url, headers, body, signal, onSent }: Question,
  limits: ExchangeLimits,
  clock: Clock,
): Promise<OpenAnswer> {
  const { headersTimeoutMs = 30_000, totalTimeoutMs = 60_000 } = limits;
  signal.throwIfAborted();
  const sent = request(url, { agent, method, headers, maxHeaderSize, auth: null });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  let fault: Error | undefined;
  const giveUp = (err: Error): void => {
    fault ??= err;
    reject(err);
    sent.destroy();
  };
  const whole = new Patience(clock, giveUp);
  const part = new Patience(clock, giveUp);
  if (totalTimeoutMs !== Infinity) whole.expect('complete answer', totalTimeoutMs);
  const onAbort = (): void => giveUp(reasonOf(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  const end = (): void => {
    whole.end();
    part.end();
    signal.removeEventListener('abort', onAbort);
  };
  let isAnswered = false;
  // The last event of a request, and the only one after an answer with status 101.
  const onClose = (): void => reject(new Error('the connection was closed without an answer'));
  sent.once('close', onClose);
  sent.on('error', (err) => {
    fault ??= err;
    reject(!isAnswered && isStale(sent, err) ? new StaleConnection() : err);
  });
  sent.once('socket', () => part.expect('answer', headersTimeoutMs));
  if (onSent !== undefined) sent.once('finish', onSent);
  sent.once('response', (response) => {
    isAnswered = true;
    sent.off('close', onClose);
    // The reader of the body gets this error.
    response.on('error', () => {});
    resolve(response);
  });
  sent.end(body);
  try {
    const response = await promise;
    const parts = partsOf(response, part, limits.bodyTimeoutMs ?? 15_000, () => fault, end);
    return { status: response.statusCode ?? 0, headers: response.headers, body: parts };
  } catch (err) {
    end();
    throw err;
  }
}

/** Source: Node.js documentation of http, request.reusedSocket. */
function isStale(sent: ClientRequest, err: NodeJS.ErrnoException): boolean {
  return sent.reusedSocket && (err.code === 'ECONNRESET' || err.code === 'EPIPE');
}

/** Yields the chunks of an answer's body. The reader's own time does not count against the server. */
async function* partsOf(
  response: IncomingMessage,
  patience: Patience,
  timeoutMs: number,
  fault: () => Error | undefined,
  end: () => void,
): AsyncGenerator<Uint8Array> {
  const expectPart = (): void => patience.expect('further part of the answer', timeoutMs);
  try {
    expectPart();
    // Without an encoding, a response yields bytes.
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      patience.rest();
      yield chunk;
      expectPart();
    }
  } catch (err) {
    throw fault() ?? err;
  } finally {
    end();
  }
}

/** Reads a whole body as text. Errors: AppError `server.garbled` if it is too large. */
export async function readBounded(
  parts: AsyncIterable<Uint8Array>,
  maxAnswerBytes: number,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of parts) {
    size += chunk.length;
    if (size > maxAnswerBytes) {
      throw new AppError('server.garbled', `the answer is larger than ${maxAnswerBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
