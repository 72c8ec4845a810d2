// A stream of bytes that can be looked into before it is read.

export class ByteStream implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  /** Read from the source and not yet taken. */
  #ahead: Uint8Array[] = [];
  #isAtEnd = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next bytes, which stay in the stream: `length` of them, or as many as there are. */
  async peek(length: number): Promise<Buffer> {
    let available = this.#ahead.reduce((sum, chunk) => sum + chunk.length, 0);
    while (available < length) {
      const chunk = await this.#pull();
      if (chunk === undefined) break;
      this.#ahead.push(chunk);
      available += chunk.length;
    }
    if (this.#ahead.length > 1) this.#ahead = [Buffer.concat(this.#ahead)];
    const [all = new Uint8Array()] = this.#ahead;
    return Buffer.from(all.buffer, all.byteOffset, Math.min(length, all.length));
  }

  /** The next chunk of any length up to `max`; undefined at the end. */
  async next(max = Infinity): Promise<Uint8Array | undefined> {
    const chunk = this.#ahead.shift() ?? (await this.#pull());
    if (chunk === undefined || chunk.length <= max) return chunk;
    this.#ahead.unshift(chunk.subarray(max));
    return chunk.subarray(0, max);
  }

  /** The next `length` bytes, or as many as there are. */
  async readUpTo(length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    let got = 0;
    while (got < length) {
      const chunk = await this.next(length - got);
      if (chunk === undefined) break;
      bytes.set(chunk, got);
      got += chunk.length;
    }
    return bytes.subarray(0, got);
  }

  /** Exactly the next `length` bytes; undefined when there are fewer. */
  async read(length: number): Promise<Buffer | undefined> {
    const bytes = await this.readUpTo(length);
    return bytes.length < length ? undefined : bytes;
  }

  /** True if there were `length` bytes to skip. */
  async skip(length: number): Promise<boolean> {
    for (let left = length; left > 0;) {
      const chunk = await this.next(left);
      if (chunk === undefined) return false;
      left -= chunk.length;
    }
    return true;
  }

  /** Ends the source, of which no more is wanted. */
  async close(): Promise<void> {
    this.#isAtEnd = true;
    this.#ahead = [];
    await this.#source.return?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let chunk = await this.next(); chunk !== undefined; chunk = await this.next()) yield chunk;
  }

  async #pull(): Promise<Uint8Array | undefined> {
    while (!this.#isAtEnd) {
      const { done, value } = await this.#source.next();
      if (done === true) this.#isAtEnd = true;
      else if (value.length > 0) return value;
    }
    return undefined;
  }
}
