// Takes the disk out of a qcow2 image: its tables first, then the file from its start to its end, once,
// each cluster going to its place as it passes.
import { promisify } from 'node:util';
import { inflateRaw, zstdDecompress } from 'node:zlib';
import { ByteStream } from '../packing/byte-stream.ts';
import { zstdFrameLength } from '../packing/zstd-frame.ts';
import { damaged, unsupported, type Qcow2Header } from './header.ts';
import type { Extent, Qcow2Map, ReadPieces } from './map.ts';

const unpackers = { zlib: promisify(inflateRaw), zstd: promisify(zstdDecompress) };
/** Clusters that are unpacked at once: more threads than Node has for that by default would wait. */
const unpackedAtOnce = 4;

/** Where parts of the disk go, in any order. */
export type Write = (diskOffset: number, bytes: Uint8Array) => Promise<void>;

/** Reads the whole file. Errors: AppError `image.damaged`, `image.unsupported`; those of the stream and of
 *  `write`. */
export async function copyQcow2(
  file: ByteStream,
  header: Qcow2Header,
  extents: Iterable<Extent>,
  write: Write,
): Promise<void> {
  const reader = new Reader(file);
  const unpacking: Promise<readonly [number, Buffer]>[] = [];
  const finishOne = async (): Promise<void> => {
    const done = await unpacking.shift();
    if (done !== undefined) await write(...done);
  };
  try {
    for (const extent of extents) {
      if (!extent.isCompressed) {
        await reader.pass(extent, write);
        continue;
      }
      const packed = await reader.take(extent);
      const unpacked = unpackCluster(packed, header, extent.diskOffset);
      unpacked.catch(() => {});
      unpacking.push(unpacked);
      if (unpacking.length >= unpackedAtOnce) await finishOne();
    }
    while (unpacking.length > 0) await finishOne();
  } finally {
    await Promise.allSettled(unpacking);
  }
  while ((await file.next()) !== undefined);
}

/** The first bytes of the disk, `length` of them or as many as it has.
 *  Errors: AppError `image.damaged`; those of `read`. */
export async function readQcow2Start(
  header: Qcow2Header,
  map: Qcow2Map,
  length: number,
  read: ReadPieces,
): Promise<Buffer> {
  const { clusterBytes, sizeBytes } = header;
  const clusters = Math.ceil(length / clusterBytes);
  const start = Buffer.alloc(clusters * clusterBytes);
  const extents = [...map.extents(0, start.length)];
  const pieces = await read(
    extents.map(({ fileOffset, fileBytes }) => ({ offset: fileOffset, length: fileBytes })),
  );
  for (const [i, { diskOffset, isCompressed }] of extents.entries()) {
    const piece = pieces[i] ?? Buffer.alloc(0);
    const [, bytes] = isCompressed ? await unpackCluster(piece, header, diskOffset) : [0, piece];
    start.set(bytes, diskOffset);
  }
  return start.subarray(0, Math.min(length, sizeBytes));
}

async function unpackCluster(
  packed: Buffer,
  { compression, clusterBytes, sizeBytes }: Qcow2Header,
  diskOffset: number,
): Promise<readonly [number, Buffer]> {
  // Reads end with a sector, in which the next cluster may begin; zstd would go on with that.
  const own = compression === 'zstd' ? packed.subarray(0, zstdFrameLength(packed)) : packed;
  const options = { maxOutputLength: clusterBytes, chunkSize: clusterBytes };
  let unpacked: Buffer;
  try {
    unpacked = await unpackers[compression](own, options);
  } catch (err) {
    throw damaged(
      `the cluster at byte ${diskOffset} of its disk cannot be unpacked (${String(err)})`,
    );
  }
  if (unpacked.length !== clusterBytes) {
    throw damaged(`the cluster at byte ${diskOffset} of its disk is cut short`);
  }
  return [diskOffset, unpacked.subarray(0, sizeBytes - diskOffset)];
}

/** Reads pieces of a stream by their offsets, which never go back but into the piece before. */
class Reader {
  readonly #file: ByteStream;
  #position = 0;
  /** The last bytes before the position that may be wanted again. */
  #tail: Buffer = Buffer.alloc(0);

  constructor(file: ByteStream) {
    this.#file = file;
  }

  /** A piece in memory. */
  async take({ fileOffset, fileBytes }: Extent): Promise<Buffer> {
    const known = await this.#goTo(fileOffset);
    const missing = fileBytes - known.length;
    if (missing > 0) {
      const more = await this.#file.readUpTo(missing);
      this.#position += more.length;
      this.#tail = known.length === 0 ? more : Buffer.concat([known, more]);
    }
    // The file may end within the last sector of a compressed cluster.
    return this.#tail.subarray(0, fileBytes);
  }

  /** A piece as it comes. */
  async pass({ fileOffset, fileBytes, diskOffset }: Extent, write: Write): Promise<void> {
    if ((await this.#goTo(fileOffset)).length > 0) throw unsupported('parts of its data overlap');
    for (let done = 0; done < fileBytes;) {
      const chunk = await this.#file.next(fileBytes - done);
      if (chunk === undefined) throw damaged('it is cut short');
      await write(diskOffset + done, chunk);
      done += chunk.length;
      this.#position += chunk.length;
    }
  }

  /** Returns the part of the piece at `offset` that was read already. */
  async #goTo(offset: number): Promise<Buffer> {
    const start = this.#position - this.#tail.length;
    if (offset < start) throw unsupported('parts of its data overlap');
    this.#tail = this.#tail.subarray(Math.min(offset - start, this.#tail.length));
    if (!(await this.#file.skip(Math.max(0, offset - this.#position))))
      throw damaged('it is cut short');
    this.#position = Math.max(this.#position, offset);
    return this.#tail;
  }
}
