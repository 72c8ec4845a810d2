// Fetches a file over connections that break: it goes on where it stopped, and never joins two files
// into one.
import { createHash, type Hash } from 'node:crypto';
import { AppError } from '../../../core/errors.ts';
import { shownUrl } from '../../../core/text/shown-url.ts';
import { askInTime, chunksInTime, type Answer, type Ask } from './answer.ts';
import { RemoteFile } from './remote-file.ts';
import { Tries, type TriesOptions } from './tries.ts';

export interface TransferOptions extends TriesOptions {
  readonly ask: Ask;
  readonly algorithm: 'sha256' | 'sha512';
  /** Something will compare the whole file with a checksum. */
  readonly isVerified: boolean;
}

/** The file's bytes from an offset on. */
type KnownBytes = (offset: number) => AsyncIterable<Uint8Array>;

/** Any answer continues a file of which nothing is known yet. */
const unknownFile = new RemoteFile({ headers: {} });

/** One file, read once from its start to its end. Errors: AppError `image.unreachable`, `image.changed` (the
 *  server has another file now: start over), or the signal's reason. */
export class Transfer implements AsyncIterable<Uint8Array> {
  readonly url: string;
  readonly #o: TransferOptions;
  readonly #hash: Hash;
  #offset = 0;
  /** The file that the first answer was about. */
  #file: RemoteFile | undefined;
  readonly #tries: Tries;
  /** The next bytes, if they are not for the server to give. */
  #known: KnownBytes | undefined;
  #knownBytes = 0;

  constructor(url: string, options: TransferOptions) {
    this.url = url;
    this.#o = options;
    this.#hash = createHash(options.algorithm);
    this.#tries = new Tries(url, options);
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
  takeKnown(known: KnownBytes): void {
    this.#known = known;
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
    for (;;) {
      try {
        const answer = await this.#askFrom(this.#offset);
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
        await this.#tries.again(err, `trying again at byte ${this.#offset}`);
      }
    }
  }

  /** A part of the file, which does not count as read; undefined where the server gives no parts, or none
   *  of this file. Errors: as of the whole. */
  async part(offset: number, length: number): Promise<Buffer | undefined> {
    const tries = new Tries(this.url, this.#o);
    for (;;) {
      try {
        return await this.#readPart(offset, length, tries);
      } catch (err) {
        await tries.again(err);
      }
    }
  }

  async #readPart(offset: number, length: number, tries: Tries): Promise<Buffer | undefined> {
    const range = `bytes=${offset}-${offset + length - 1}`;
    const answer = await this.#ask({ range, ...this.#file?.ifSame }, [], tries);
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
        // A part that is longer than what was left is of another file.
        if (this.#offset + chunk.length > (this.sizeBytes ?? Infinity)) throw this.#changed();
        this.#hash.update(chunk);
        this.#offset += chunk.length;
        yield chunk;
        // The time that the disk took does not count.
        if (chunk.length > 0) this.#tries.gained();
        if (this.#known !== undefined) return;
      }
    } finally {
      answer.close();
    }
  }

  async *#readKnown(): AsyncGenerator<Uint8Array> {
    const known = this.#known;
    this.#known = undefined;
    for await (const chunk of known?.(this.#offset) ?? []) {
      this.#hash.update(chunk);
      this.#offset += chunk.length;
      this.#knownBytes += chunk.length;
      yield chunk;
    }
    this.#tries.gained();
  }

  #continues(answer: Answer, offset: number): boolean {
    return (this.#file ?? unknownFile).isContinuedBy(answer, offset);
  }

  async #ask(
    headers: Record<string, string>,
    expected: readonly number[] = [],
    tries = this.#tries,
  ): Promise<Answer> {
    const answer = await askInTime(this.url, headers, expected, this.#o);
    tries.answered();
    return answer;
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
