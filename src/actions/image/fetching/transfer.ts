// Fetches a file over connections that break: it goes on where it stopped, and never joins two files
// into one.
import { createHash, type Hash } from 'node:crypto';
import { fullJitterMs } from '../../../core/backoff.ts';
import type { Clock } from '../../../core/clock.ts';
import { AppError, describeError } from '../../../core/errors.ts';
import { shownUrl } from '../../../core/text/shown-url.ts';
import { askInTime, chunksInTime, unreachable, type Answer, type Ask } from './answer.ts';
import { RemoteFile } from './remote-file.ts';

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

/** Without a new byte for so long, over all its tries, a transfer fails. */
const giveUpMs = 30 * 60_000;
/** Any answer continues a file of which nothing is known yet. */
const unknownFile = new RemoteFile({ headers: {} });
const retryPolicy = { baseMs: 1_000, capMs: 60_000 };

/** One file, read once from its start to its end. Errors: AppError `image.unreachable`, `image.changed` (the
 *  server has another file now: start over), or the signal's reason. */
export class Transfer implements AsyncIterable<Uint8Array> {
  readonly url: string;
  readonly #o: TransferOptions;
  readonly #hash: Hash;
  #offset = 0;
  /** The file that the first answer was about. */
  #file: RemoteFile | undefined;
  #progressedMs: number;
  /** The next bytes, if they are not for the server to give. */
  #known: AsyncIterable<Uint8Array> | undefined;
  #knownBytes = 0;

  constructor(url: string, options: TransferOptions) {
    this.url = url;
    this.#o = options;
    this.#hash = createHash(options.algorithm);
    this.#progressedMs = options.clock.elapsedMs();
  }

  /** The number of bytes received, or taken from elsewhere. */
  get offset(): number {
    return this.#offset;
  }

  /** The number of bytes that came from the server. */
  get fetchedBytes(): number {
    return this.#offset - this.#knownBytes;
  }

  /** The ETag or the date by which the server tells this very file from another one. */
  get validator(): string | undefined {
    return this.#file?.ifSame?.['if-range'];
  }

  /** True if something tells the rest of this file from that of another one: a validator, or a checksum. */
  get isSafeToContinue(): boolean {
    return this.validator !== undefined || this.#o.isVerified;
  }

  /** Takes what comes next, as far as it goes, from here and not from the server. */
  takeKnown(bytes: AsyncIterable<Uint8Array>): void {
    this.#known = bytes;
  }

  /** The size of the whole file, once the server has answered, if it states it. */
  get sizeBytes(): number | undefined {
    return this.#file?.sizeBytes;
  }

  get etag(): string | undefined {
    return this.#file?.etag;
  }

  /** True if the server marks the end of the file, so that a cut is noticed. */
  get isDelimited(): boolean {
    return this.#file?.isDelimited ?? true;
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
        const { sizeBytes } = this;
        if (this.#known !== undefined) {
          yield* this.#readKnown();
          if (this.#offset !== sizeBytes) continue;
        }
        if (sizeBytes === undefined || this.#offset === sizeBytes) return;
        throw new Error(`the answer ended at byte ${this.#offset} of ${sizeBytes}`);
      } catch (err) {
        signal.throwIfAborted();
        if (err instanceof AppError) throw err;
        if (this.#offset > before) failures = 0;
        if (clock.elapsedMs() - this.#progressedMs >= giveUpMs) throw unreachable(this.url, err);
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
        if (failures >= 20) throw unreachable(this.url, err);
        this.#o.onRetry?.(describeError(err));
        await clock.sleep(fullJitterMs(retryPolicy, failures, random), signal);
      }
    }
  }

  async #readPart(offset: number, length: number): Promise<Buffer | undefined> {
    const range = `bytes=${offset}-${offset + length - 1}`;
    const answer = await this.#ask({ range, ...this.#file?.ifSame });
    try {
      if (answer.status !== 206 || !this.#continues(answer, offset)) return undefined;
      const chunks: Uint8Array[] = [];
      let got = 0;
      for await (const chunk of chunksInTime(answer, this.#o.clock)) {
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
    if (offset === 0) {
      const whole = await this.#ask({});
      if (whole.status !== 200) {
        whole.close();
        throw new Error('the server gives a part of the file where all of it was asked for');
      }
      this.#file = new RemoteFile(whole);
      return whole;
    }
    // Without a validator nothing but a checksum, or the same beginning, tells whether it is the same file.
    const range = this.isSafeToContinue ? { range: `bytes=${offset}-`, ...this.#file?.ifSame } : {};
    const answer = await this.#ask(range, [416]);
    if (answer.status === 416) {
      answer.close();
      if (answer.headers['content-range'] === `bytes */${offset}`) return undefined;
      throw this.#changed();
    }
    if (answer.status === 206) {
      if (this.#continues(answer, offset)) return answer;
      answer.close();
      throw this.#changed();
    }
    return await this.#skipKnown(answer, offset);
  }

  /** The answer is the whole file, again: it goes on where the transfer stopped if it begins the same. */
  async #skipKnown(answer: Answer, length: number): Promise<Answer> {
    const hash = createHash(this.#o.algorithm);
    const body = chunksInTime(answer, this.#o.clock);
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
      await body.return(undefined);
      throw this.#changed();
    }
    this.#file = new RemoteFile(answer);
    return { ...answer, close: () => answer.close(), body: joined(rest, body) };
  }

  async *#read(answer: Answer): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunksInTime(answer, this.#o.clock)) {
        this.#hash.update(chunk);
        this.#offset += chunk.length;
        yield chunk;
        // The time that the disk took does not count.
        this.#progressedMs = this.#o.clock.elapsedMs();
        if (this.#known !== undefined) return;
      }
    } finally {
      answer.close();
    }
  }

  async *#readKnown(): AsyncGenerator<Uint8Array> {
    const known = this.#known ?? [];
    this.#known = undefined;
    for await (const chunk of known) {
      this.#hash.update(chunk);
      this.#offset += chunk.length;
      this.#knownBytes += chunk.length;
      yield chunk;
    }
    this.#progressedMs = this.#o.clock.elapsedMs();
  }

  #continues(answer: Answer, offset: number): boolean {
    return (this.#file ?? unknownFile).isContinuedBy(answer, offset);
  }

  #ask(headers: Record<string, string>, expected: readonly number[] = []): Promise<Answer> {
    return askInTime(this.url, headers, expected, this.#o);
  }

  #changed(): AppError {
    return new AppError(
      'image.changed',
      `the server has another file at ${shownUrl(this.url)} now`,
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
