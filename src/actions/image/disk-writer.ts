// Writes an image to a disk in blocks of a MiB, several at once, leaving out pages of zeroes where the
// disk has them already. The first and the last MiB are held back: without them no firmware boots the disk.
import { AppError } from '../../core/errors.ts';
import { alignedBuffer, pageBytes, type BlockFile } from '../../sources/writing/block-file.ts';
import type { Digests } from './digests.ts';
import type { Zeroing } from './zeroing.ts';

export const blockBytes = 1024 * 1024;
const pagesInBlock = blockBytes / pageBytes;
/** Being filled, beside those that are held back; of an image that comes in any order. */
const openBlocks = 3;
/** Being written. */
const writtenBlocks = 4;
/** The size compared with zeroes at once, before single pages are. */
const stretchBytes = 64 * 1024;
const zeroes = Buffer.alloc(stretchBytes);
const zeroPage = zeroes.subarray(0, pageBytes);

/** The state of a page of a block: nothing, zeroes (which are not in its buffer), content that is not zero,
 *  or content that came in parts and may be zero. */
const nothing = 0;
const empty = 1;
const content = 2;
const mixed = 3;

interface Block {
  readonly index: number;
  /** Has the pages with content; the others are whatever they were. */
  readonly buffer: Buffer;
  readonly pages: Uint8Array;
}

/** The parts of an image that are held back and written last. */
export interface Held {
  readonly offset: number;
  readonly bytes: Buffer;
}

export interface DiskWriterOptions {
  readonly file: BlockFile;
  readonly zeroing: Zeroing;
  readonly digests: Digests;
  /** The image's size, if known beforehand: its parts may then come in any order. Otherwise they come
   *  from the first to the last. */
  readonly sizeBytes?: number | undefined;
  /** The part of the disk that an earlier run wrote. */
  readonly left?: Left | undefined;
  /** Called each time that a block is begun; what it throws ends the writing. */
  readonly onBlock: () => void | Promise<void>;
}

/** In whole blocks. */
export interface Left {
  /** Everything before, as it is given to the writer, was read from the disk itself; parts then come from the first to
   *  the last. */
  readonly sameTo: number;
  /** Everything before is compared with the disk, and written where that has something else. */
  readonly comparedTo: number;
}

export class DiskWriter {
  readonly #o: DiskWriterOptions;
  /** Those with content that is not on its way yet, the one that was touched last at the end. */
  readonly #open = new Map<number, Block>();
  readonly #free: Buffer[] = [];
  #buffers = 0;
  /** For what is on the disk. */
  readonly #found: Buffer[] = [];
  readonly #writing = new Set<Promise<void>>();
  #failure: unknown;
  #highest = 0;
  /** Where the last block ends that was on its way. */
  #sentTo = 0;
  #endBytes = 0;
  #writtenBytes = 0;

  constructor(options: DiskWriterOptions) {
    this.#o = options;
  }

  /** Bytes that went to the disk. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Where the image has reached. */
  get endBytes(): number {
    return this.#endBytes;
  }

  /** Takes a part of the image. Where parts come in any order, each is of whole pages.
   *  Errors: AppError `disk.mismatch`, `disk.failed`. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const end = offset + bytes.length;
    const { sizeBytes: diskBytes, path } = this.#o.file;
    if (end > diskBytes) {
      throw new AppError(
        'disk.mismatch',
        `the image is larger than ${path}, which has ${diskBytes} bytes; choose a larger disk`,
      );
    }
    this.#endBytes = Math.max(this.#endBytes, end);
    for (let at = 0; at < bytes.length;) {
      const within = (offset + at) % blockBytes;
      const block = await this.#blockAt(Math.floor((offset + at) / blockBytes));
      const length = Math.min(bytes.length - at, stretchBytes - (within % stretchBytes));
      put(block, within, bytes.subarray(at, at + length));
      at += length;
    }
  }

  /** Resolves to what was held back, from the start of the disk on, when everything else is on the medium.
   *  Errors: AppError `disk.failed`. */
  async finish(): Promise<readonly Held[]> {
    const blocks = [...this.#open.values()].toSorted((a, b) => a.index - b.index);
    const last = this.#endBytes % pageBytes;
    const start = (this.#endBytes % blockBytes) - last;
    if (last > 0) blocks.at(-1)?.buffer.fill(0, start + last, start + pageBytes);
    const held: Held[] = [];
    for (const block of blocks) {
      if (this.#isHeld(block.index)) held.push(this.#take(block));
      else await this.#send(block);
    }
    await Promise.all(this.#writing);
    if (this.#failure !== undefined) throw this.#failure;
    await this.#o.file.sync();
    return held;
  }

  /** Waits for what is on its way. Resolves to where that ends: nothing behind is written yet. Where parts come from the
   *  first to the last, everything before is on the disk but the first MiB. Errors: AppError `disk.failed`. */
  async settle(): Promise<number> {
    await Promise.all(this.#writing);
    if (this.#failure !== undefined) throw this.#failure;
    return this.#sentTo;
  }

  /** Resolves when nothing is being written any more. */
  async stop(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #blockAt(index: number): Promise<Block> {
    const known = this.#open.get(index);
    if (known !== undefined) {
      if (index !== this.#highest) {
        this.#open.delete(index);
        this.#open.set(index, known);
      }
      return known;
    }
    await this.#o.onBlock();
    this.#highest = Math.max(this.#highest, index);
    const sendable = [...this.#open.values()].filter((block) => !this.#isHeld(block.index));
    const [oldest] = sendable;
    if (sendable.length >= openBlocks && oldest !== undefined) await this.#send(oldest);
    const buffer = await this.#buffer();
    const block = { index, buffer, pages: new Uint8Array(pagesInBlock) };
    this.#open.set(index, block);
    return block;
  }

  /** Where the size is not known, the last MiB is in one of the last two blocks so far. */
  #isHeld(index: number): boolean {
    const { sizeBytes } = this.#o;
    if (index === 0) return true;
    if (sizeBytes === undefined) return index >= this.#highest - 1;
    return index >= Math.floor((sizeBytes - blockBytes) / blockBytes);
  }

  /** The content of a block that is held back, up to the end of the image. */
  #take(block: Block): Held {
    const { index, buffer } = block;
    clearEmpty(block);
    const { sizeBytes = this.#endBytes, file } = this.#o;
    const offset = index * blockBytes;
    const pages = Math.ceil((sizeBytes - offset) / pageBytes);
    const length = Math.min(blockBytes, pages * pageBytes, file.sizeBytes - offset);
    return { offset, bytes: buffer.subarray(0, length) };
  }

  async #send(block: Block): Promise<void> {
    const { zeroing, digests, file, left: { sameTo = 0 } = {} } = this.#o;
    const start = block.index * blockBytes;
    this.#open.delete(block.index);
    this.#sentTo = Math.max(this.#sentTo, start + blockBytes);
    await zeroing.reach(start + blockBytes);
    const runs = [...runsOf(block, zeroing.covers(start, start + blockBytes))];
    if (runs.length > 0) clearEmpty(block);
    for (const [first, end] of unitsOf(runs, digests.unitBytes)) {
      digests.written(start + first, block.buffer.subarray(first, end));
    }
    while (this.#writing.size >= writtenBlocks) await Promise.race(this.#writing);
    if (this.#failure !== undefined) throw this.#failure;
    const written = this.#writeRuns(file, block, start < sameTo ? [] : runs)
      .catch((err: unknown) => {
        this.#failure ??= err;
      })
      .finally(() => {
        this.#writing.delete(written);
        this.#free.push(block.buffer);
      });
    this.#writing.add(written);
  }

  async #writeRuns(file: BlockFile, block: Block, runs: readonly Run[]): Promise<void> {
    const start = block.index * blockBytes;
    const isCompared = start < (this.#o.left?.comparedTo ?? 0);
    for (const [first, end] of runs) {
      const bytes = block.buffer.subarray(first, end);
      if (isCompared && (await this.#isThere(file, bytes, start + first))) continue;
      await file.write(bytes, start + first);
      this.#writtenBytes += end - first;
    }
  }

  async #isThere(file: BlockFile, bytes: Buffer, offset: number): Promise<boolean> {
    const buffer = this.#found.pop() ?? alignedBuffer(blockBytes);
    try {
      const found = buffer.subarray(0, bytes.length);
      await file.read(found, offset);
      return found.equals(bytes);
    } finally {
      this.#found.push(buffer);
    }
  }

  async #buffer(): Promise<Buffer> {
    while (this.#free.length === 0 && this.#buffers >= openBlocks + writtenBlocks + 4) {
      await Promise.race(this.#writing);
    }
    const used = this.#free.pop();
    if (used !== undefined) return used;
    this.#buffers += 1;
    return alignedBuffer(blockBytes);
  }
}

/** Takes a part that lies within one stretch. Zeroes are noted rather than copied: most images are full of
 *  them. */
function put({ buffer, pages }: Block, within: number, part: Uint8Array): void {
  const bytes = Buffer.from(part.buffer, part.byteOffset, part.length);
  const first = Math.floor(within / pageBytes);
  const end = Math.ceil((within + bytes.length) / pageBytes);
  if (bytes.length === stretchBytes && bytes.equals(zeroes)) {
    pages.fill(empty, first, end);
    return;
  }
  buffer.set(bytes, within);
  for (let page = first; page < end; page++) {
    const at = page * pageBytes - within;
    const isWhole = at >= 0 && at + pageBytes <= bytes.length;
    if (!isWhole) pages[page] = mixed;
    else pages[page] = bytes.subarray(at, at + pageBytes).equals(zeroPage) ? empty : content;
  }
}

/** Puts zeroes into the buffer where the block has nothing else. */
function clearEmpty({ buffer, pages }: Block): void {
  for (let page = 0; page < pagesInBlock; page++) {
    if ((pages[page] ?? nothing) <= empty) buffer.fill(0, page * pageBytes, (page + 1) * pageBytes);
  }
}

/** From and to which byte of a block. */
type Run = readonly [number, number];

/** The parts of a block that must be written. */
function* runsOf({ buffer, pages }: Block, isZeroed: boolean): Generator<Run> {
  let first: number | undefined;
  for (let page = 0; page <= pagesInBlock; page++) {
    const at = page * pageBytes;
    const has = pages[page] ?? nothing;
    const isEmpty =
      has === empty || (has === mixed && buffer.subarray(at, at + pageBytes).equals(zeroPage));
    const isWanted = has !== nothing && !(isZeroed && isEmpty);
    if (isWanted) first ??= at;
    else if (first !== undefined) {
      yield [first, at];
      first = undefined;
    }
  }
}

/** The runs, widened to whole units, each unit once. */
function* unitsOf(runs: readonly Run[], unitBytes: number): Generator<Run> {
  let done = 0;
  for (const [first, end] of runs) {
    const from = Math.max(done, Math.floor(first / unitBytes) * unitBytes);
    const to = Math.ceil(end / unitBytes) * unitBytes;
    if (to > from) yield [from, to];
    done = Math.max(done, to);
  }
}
