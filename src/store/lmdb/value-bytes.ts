// The bytes of a text, as LMDB takes them while a transaction is open: it has copied them when a put returns, so that all
// of them can be in one place.

/** Larger ones get a place of their own. Units: bytes. */
const room = 256 * 1024;
/** The most bytes of a UTF-16 unit. */
const unitBytes = 3;

const empty = Buffer.alloc(0);

export class ValueBytes {
  readonly #place = Buffer.allocUnsafeSlow(room);

  /** The text in UTF-8, until the next call. */
  of(text: string): Buffer {
    if (text === '') return empty;
    if (text.length * unitBytes > room) return Buffer.from(text);
    return this.#place.subarray(0, this.#place.write(text));
  }
}
