// One request and its answer over node:http, each part within its time and its size. What an answer
// means is none of its business. Node's own client, as its parser is native: one in WebAssembly (undici)
// brings V8's compiler for that into memory, a quarter of what an agent at rest takes.
import { request, type Agent, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import { Patience } from '../core/deadline.ts';

export interface Question {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export interface ExchangeLimits {
  /** From a connection to the end of the answer's headers. */
  readonly headersTimeoutMs?: number;
  /** From one part of the answer's body to the next. */
  readonly bodyTimeoutMs?: number;
  /** From the question, and the wait for a connection, to the last byte of the answer. */
  readonly totalTimeoutMs?: number;
  readonly maxAnswerBytes?: number;
}

const maxHeaderSize = 16_384;

/** An idle connection turned out to be closed when it was used: nobody has answered, and the same
 *  question may be asked again over a new one. */
export class StaleConnection extends Error {}

/** Asks over a connection of `agent`, which limits the time that making one may take.
 *  Errors: those of node:net, node:tls and node:http, StaleConnection, AppError `server.garbled`, an Error
 *  that says what was too late, or the signal's reason. */
export async function exchange(
  agent: Agent,
  { method, url, headers, body, signal }: Question,
  limits: ExchangeLimits,
  clock: Clock,
): Promise<Answer> {
  const { headersTimeoutMs = 30_000, bodyTimeoutMs = 15_000, totalTimeoutMs = 60_000 } = limits;
  signal.throwIfAborted();
  const sent = request(url, { agent, method, headers, maxHeaderSize, auth: null });
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const giveUp = (err: Error): void => {
    reject(err);
    sent.destroy();
  };
  const whole = new Patience(clock, giveUp);
  const part = new Patience(clock, giveUp);
  whole.expect('complete answer', totalTimeoutMs);
  const onAbort = (): void => giveUp(reasonOf(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  let isAnswered = false;
  // The last word on a request, and the only one on an answer with status 101.
  const onClose = (): void => reject(new Error('the connection was closed without an answer'));
  sent.once('close', onClose);
  sent.on('error', (err) => {
    reject(!isAnswered && isStale(sent, err) ? new StaleConnection() : err);
  });
  sent.once('socket', () => part.expect('answer', headersTimeoutMs));
  sent.once('response', (response) => {
    isAnswered = true;
    sent.off('close', onClose);
    const onPart = (): void => part.expect('further part of the answer', bodyTimeoutMs);
    onPart();
    readBounded(response, limits.maxAnswerBytes ?? 1024 * 1024, onPart).then(
      (text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      giveUp,
    );
  });
  sent.end(body);
  try {
    return await promise;
  } finally {
    whole.end();
    part.end();
    signal.removeEventListener('abort', onAbort);
  }
}

/** Source: Node.js documentation of http, request.reusedSocket. */
function isStale(sent: ClientRequest, err: NodeJS.ErrnoException): boolean {
  return sent.reusedSocket && (err.code === 'ECONNRESET' || err.code === 'EPIPE');
}

async function readBounded(
  response: IncomingMessage,
  maxAnswerBytes: number,
  onPart: () => void,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Without an encoding, what a response gives are bytes.
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    onPart();
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
