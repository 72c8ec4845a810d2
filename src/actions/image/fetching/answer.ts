// Answers over HTTP, each within its time. Must not know of files that are fetched in pieces.
import type { Clock } from '../../../core/clock.ts';
import { Patience } from '../../../core/deadline.ts';
import { AppError } from '../../../core/errors.ts';
import { shownUrl } from '../../../core/text/shown-url.ts';

/** The beginning of an answer over HTTP, redirections followed. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Fails when the connection ends before the answer does. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection. */
  close(): void;
}

/** Asks for a URL. Errors: any, all worth another try, but AppErrors. */
export type Ask = (
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<Answer>;

export interface AskOptions {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A connection counts as dead without a byte for this long. */
const stallMs = 120_000;

/** Asks for a file and waits for an answer with status 200, 206 or one of `expected`.
 *  Errors: AppError `image.unreachable` for a refusal; any other error is worth another try. */
export async function askInTime(
  url: string,
  headers: Record<string, string>,
  expected: readonly number[],
  { ask, signal, clock }: AskOptions,
): Promise<Answer> {
  const late = new AbortController();
  const patience = new Patience(clock, (err) => late.abort(err));
  patience.expect('answer', stallMs);
  try {
    const answer = await ask(
      url,
      // The file as it is stored, since that is what the checksum covers.
      { 'accept-encoding': 'identity', ...headers },
      AbortSignal.any([signal, late.signal]),
    );
    const { status } = answer;
    if (status === 200 || status === 206 || expected.includes(status)) return answer;
    answer.close();
    const err = new Error(`the server answered ${status}`);
    if (status >= 500 || status === 408 || status === 425 || status === 429) throw err;
    throw unreachable(url, err);
  } finally {
    patience.end();
  }
}

/** The body, each chunk within its time; the time that the reader takes does not count. */
export async function* chunksInTime(answer: Answer, clock: Clock): AsyncGenerator<Uint8Array> {
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => {});
  const patience = new Patience(clock, (err) => {
    late.reject(err);
    answer.close();
  });
  const body = answer.body[Symbol.asyncIterator]();
  try {
    for (;;) {
      patience.expect('further byte of the image', stallMs);
      const { done, value } = await Promise.race([body.next(), late.promise]);
      patience.rest();
      if (done === true) return;
      yield value;
    }
  } finally {
    patience.end();
  }
}

export function unreachable(url: string, cause: unknown): AppError {
  return new AppError(
    'image.unreachable',
    `cannot fetch ${shownUrl(url)}; check the URL in the template and that this machine can reach it`,
    { cause },
  );
}
