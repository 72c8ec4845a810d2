// Fetches a file over connections that break: it goes on where it stopped, and never joins two files
// into one.
import { createHash, type Hash } from 'node:crypto';
import { fullJitterMs } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { Patience } from '../../core/deadline.ts';
import { AppError, describeError } from '../../core/errors.ts';

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

export interface TransferOptions {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly algorithm: 'sha256' | 'sha512';
  /** Something will compare the whole file with a checksum. */
  readonly isVerified: boolean;
  /** Told why it has to try again. */
  readonly onRetry?: (reason: string) => void;
}

/** Without a byte for so long a connection counts as dead. */
const stallMs = 120_000;
/** Without a new byte for so long, over all its tries, a transfer fails. */
const giveUpMs = 30 * 60_000;
const retryPolicy = { baseMs: 1_000, capMs: 60_000 };

/** One file, read once from its start to its end. Errors: AppError `image.unreachable`, `image.changed` (the
 *  server has another file now: start over), or the signal's reason. */
export class Transfer implements AsyncIterable<Uint8Array> {
  readonly url: string;
  readonly #o: TransferOptions;
  readonly #hash: Hash;
  #offset = 0;
  #sizeBytes: number | undefined;
  #etag: string | undefined;
  #lastModified: string | undefined;
  #isDelimited = true;
  #progressedMs: number;

  constructor(url: string, options: TransferOptions) {
    this.url = url;
    this.#o = options;
    this.#hash = createHash(options.algorithm);
    this.#progressedMs = options.clock.elapsedMs();
  }

  /** The number of bytes received. */
  get offset(): number {
    return this.#offset;
  }

  /** The size of the whole file, once the server has answered, if it states it. */
  get sizeBytes(): number | undefined {
    return this.#sizeBytes;
  }

  get etag(): string | undefined {
    return this.#etag;
  }

  /** True if the server marks the end of the file, so that a cut is noticed. */
  get isDelimited(): boolean {
    return this.#isDelimited;
  }

  /** The digest of the bytes received. Call it once. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { signal, clock } = this.#o;
    for (let failures = 0; ; failures += 1) {
      const before = this.#offset;
      try {
        const answer = await this.#askFrom(before);
        if (answer === undefined) return;
        yield* this.#read(answer);
        if (this.#sizeBytes === undefined || this.#offset === this.#sizeBytes) return;
        throw new Error(`the answer ended at byte ${this.#offset} of ${this.#sizeBytes}`);
      } catch (err) {
        signal.throwIfAborted();
        if (err instanceof AppError) throw err;
        if (this.#offset > before) failures = 0;
        if (clock.elapsedMs() - this.#progressedMs >= giveUpMs) throw this.#unreachable(err);
        this.#o.onRetry?.(`${describeError(err)}; trying again at byte ${this.#offset}`);
        await clock.sleep(fullJitterMs(retryPolicy, failures, this.#o.random), signal);
      }
    }
  }

  /** A part of the file, which does not count as read; undefined where the server gives no parts, or none
   *  of this file. Errors: as of the whole. */
  async part(offset: number, length: number): Promise<Buffer | undefined> {
    const { signal, clock, random } = this.#o;
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.#readPart(offset, length);
      } catch (err) {
        signal.throwIfAborted();
        if (err instanceof AppError) throw err;
        if (failures >= 20) throw this.#unreachable(err);
        this.#o.onRetry?.(describeError(err));
        await clock.sleep(fullJitterMs(retryPolicy, failures, random), signal);
      }
    }
  }

  async #readPart(offset: number, length: number): Promise<Buffer | undefined> {
    const range = `bytes=${offset}-${offset + length - 1}`;
    const answer = await this.#ask({ range, ...this.#sameFile() });
    try {
      if (answer.status !== 206 || !this.#isRange(answer, offset)) return undefined;
      const chunks: Uint8Array[] = [];
      let got = 0;
      for await (const chunk of this.#chunks(answer)) {
        chunks.push(chunk);
        got += chunk.length;
        if (got >= length) break;
      }
      if (got < length) throw new Error(`the answer ended at byte ${offset + got}`);
      return Buffer.concat(chunks).subarray(0, length);
    } finally {
      answer.close();
    }
  }

  /** The answer with the bytes from here on; undefined when there are none left. */
  async #askFrom(offset: number): Promise<Answer | undefined> {
    if (offset === 0) return this.#begin(await this.#ask({}));
    // Without a validator nothing but a checksum, or the same beginning, tells whether it is the same file.
    const isSafe = this.#validator() !== undefined || this.#o.isVerified;
    const range = isSafe ? { range: `bytes=${offset}-`, ...this.#sameFile() } : {};
    const answer = await this.#ask(range, [416]);
    if (answer.status === 416) {
      answer.close();
      if (answer.headers['content-range'] === `bytes */${offset}`) return undefined;
      throw this.#changed();
    }
    if (answer.status === 206) {
      if (this.#isRange(answer, offset)) return answer;
      answer.close();
      throw this.#changed();
    }
    return await this.#skipKnown(answer, offset);
  }

  /** The answer is the whole file, again: it goes on where the transfer stopped if it begins the same. */
  async #skipKnown(answer: Answer, length: number): Promise<Answer> {
    const hash = createHash(this.#o.algorithm);
    const body = this.#chunks(answer);
    let left = length;
    let rest: Uint8Array = new Uint8Array();
    while (left > 0) {
      const { done, value } = await body.next();
      if (done === true) throw new Error(`the answer ended before byte ${length}`);
      hash.update(value.subarray(0, left));
      rest = value.subarray(left);
      left -= Math.min(left, value.length);
    }
    if (hash.digest('hex') !== this.#hash.copy().digest('hex')) {
      answer.close();
      throw this.#changed();
    }
    this.#note(answer);
    return { ...answer, close: () => answer.close(), body: joined(rest, body) };
  }

  #begin(answer: Answer): Answer {
    this.#note(answer);
    return answer;
  }

  #note({ headers }: Answer): void {
    this.#etag = headers['etag'];
    this.#lastModified = headers['last-modified'];
    const length = headers['content-length'];
    this.#sizeBytes = length === undefined ? undefined : Number(length);
    this.#isDelimited = length !== undefined || headers['transfer-encoding'] === 'chunked';
  }

  async *#read(answer: Answer): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#chunks(answer)) {
        this.#hash.update(chunk);
        this.#offset += chunk.length;
        yield chunk;
        // The time that the disk took does not count.
        this.#progressedMs = this.#o.clock.elapsedMs();
      }
    } finally {
      answer.close();
    }
  }

  /** The body, each chunk within its time; the time that the reader takes does not count. */
  async *#chunks(answer: Answer): AsyncGenerator<Uint8Array> {
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    const patience = new Patience(this.#o.clock, (err) => {
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

  async #ask(headers: Record<string, string>, expected: readonly number[] = []): Promise<Answer> {
    const { ask, signal, clock } = this.#o;
    const late = new AbortController();
    const patience = new Patience(clock, (err) => late.abort(err));
    patience.expect('answer', stallMs);
    try {
      const answer = await ask(
        this.url,
        // The file as it is stored, since that is what the checksum covers.
        { 'accept-encoding': 'identity', ...headers },
        AbortSignal.any([signal, late.signal]),
      );
      const { status } = answer;
      if (status === 200 || status === 206 || expected.includes(status)) return answer;
      answer.close();
      const err = new Error(`the server answered ${status}`);
      if (status >= 500 || status === 408 || status === 425 || status === 429) throw err;
      throw this.#unreachable(err);
    } finally {
      patience.end();
    }
  }

  #validator(): string | undefined {
    const isStrong = this.#etag !== undefined && !this.#etag.startsWith('W/');
    return isStrong ? this.#etag : this.#lastModified;
  }

  #sameFile(): Record<string, string> {
    const validator = this.#validator();
    return validator === undefined ? {} : { 'if-range': validator };
  }

  /** True if a partial answer begins at `offset`, in a file as long as this one. */
  #isRange({ headers }: Answer, offset: number): boolean {
    const [, first, total] =
      /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '') ?? [];
    const isSameSize =
      total === '*' || this.#sizeBytes === undefined || Number(total) === this.#sizeBytes;
    const isSameTag = this.#etag === undefined || (headers['etag'] ?? this.#etag) === this.#etag;
    return Number(first) === offset && isSameSize && isSameTag;
  }

  #changed(): AppError {
    return new AppError('image.changed', `the server has another file at ${shown(this.url)} now`);
  }

  #unreachable(cause: unknown): AppError {
    return new AppError(
      'image.unreachable',
      `cannot fetch ${shown(this.url)}; check the URL in the template and that this machine can reach it`,
      { cause },
    );
  }
}

async function* joined(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  yield* rest;
}

/** A URL without what may be a password or a signature. */
export function shown(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? 'the URL' : `${parsed.origin}${parsed.pathname}`;
}
