// Boot files in memory while they are being sent: machines that boot together share one copy of each. Without it every
// answer reads its own file in small pieces, at four times the processor's time. Nothing stays when nobody is sent it.
import { Readable } from 'node:stream';

/** Units: bytes. One write to the socket takes as much. */
const sliceBytes = 1024 * 1024;
/** Two images of each architecture; what goes beyond is read from disk by each answer. Slow clients may hold all of it for
 *  as long as they take something: others are then served slower, and no worse. Units: bytes. */
const defaultMostBytes = 256 * 1024 * 1024;

interface Held {
  readonly bytes: Promise<Uint8Array>;
  readonly sizeBytes: number;
  answers: number;
}

export class SharedFiles {
  readonly #read: (path: string) => Promise<Uint8Array>;
  readonly #mostBytes: number;
  readonly #held = new Map<string, Held>();

  constructor(read: (path: string) => Promise<Uint8Array>, mostBytes = defaultMostBytes) {
    this.#read = read;
    this.#mostBytes = mostBytes;
  }

  /** The memory that is taken now. */
  get bytes(): number {
    return [...this.#held.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /** The stream to send of a whole file: from memory, or, where `stream` has none, the `own` one that reads it from
   *  disk. */
  async insteadOf(
    own: Readable,
    path: string,
    version: string,
    sizeBytes: number,
  ): Promise<Readable> {
    // It opens its file meanwhile, and a failure that nobody hears would end the server. Whoever sends it sees it still.
    own.on('error', () => {});
    const shared = await this.stream(path, version, sizeBytes);
    if (shared === undefined) return own;
    own.destroy();
    return shared;
  }

  /** A whole file, of which `version` is another one as soon as it changes; undefined where it does not fit, cannot be
   *  read, or has another size by now. The stream has to be read or destroyed. */
  async stream(path: string, version: string, sizeBytes: number): Promise<Readable | undefined> {
    const key = `${path} ${version}`;
    const known = this.#held.get(key);
    if (known === undefined && this.bytes + sizeBytes > this.#mostBytes) return undefined;
    const held = known ?? { bytes: this.#read(path), sizeBytes, answers: 0 };
    this.#held.set(key, held);
    held.answers += 1;
    const release = (): void => {
      held.answers -= 1;
      if (held.answers === 0 && this.#held.get(key) === held) this.#held.delete(key);
    };
    const bytes = await held.bytes.catch(() => undefined);
    if (bytes?.length !== sizeBytes) {
      release();
      return undefined;
    }
    return Readable.from(slices(bytes), { objectMode: false }).once('close', release);
  }
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sliceBytes) {
    yield bytes.subarray(at, at + sliceBytes);
  }
}
