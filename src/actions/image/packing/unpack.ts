// Takes an image out of whatever it is packed in, layer by layer, as it streams by. A stream that is cut
// short fails; it never ends.
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { AppError, describeError, isAppError } from '../../../core/errors.ts';
import { ByteStream } from './byte-stream.ts';
import { recognise, recognisedBytes, type Kind, type Packing } from '../../../model/image/kind.ts';
import { imageInTar } from './tar.ts';
import { parseZstdFrame, zstdHeaderBytes } from './zstd-frame.ts';

/** Unpacks what Node cannot, with a program. */
export type Filter = (
  program: 'xz' | 'bzip2',
  args: readonly string[],
  input: AsyncIterable<Uint8Array>,
) => AsyncIterable<Uint8Array>;

export interface Unpacked {
  readonly format: 'raw' | 'qcow2';
  /** The image, from its start. */
  readonly stream: ByteStream;
  /** The size of the stream, if known beforehand; the stream may be longer. */
  readonly sizeBytes: number | undefined;
  /** From the outside in. */
  readonly packings: readonly Packing[];
}

/** An archive in an archive in an archive is nobody's image. */
const maxLayers = 4;
/** The memory for what was unpacked before, which later parts refer to. */
const maxWindowBytes = 64 * 1024 * 1024;
const chunkSize = 1024 * 1024;

/** Errors: AppError `image.unsupported`, `image.damaged`; those of the stream. */
export async function unpack(
  packed: AsyncIterable<Uint8Array>,
  packedBytes: number | undefined,
  filter: Filter,
): Promise<Unpacked> {
  const packings: Packing[] = [];
  let stream = new ByteStream(packed);
  let sizeBytes = packedBytes;
  for (;;) {
    const kind = await kindOf(stream);
    if (kind === 'raw' || kind === 'qcow2') return { format: kind, stream, sizeBytes, packings };
    packings.push(kind);
    if (packings.length > maxLayers) throw unsupported(`it is packed ${packings.length} times`);
    ({ stream, sizeBytes } = await unwrap(kind, stream, filter));
  }
}

async function kindOf(stream: ByteStream): Promise<Kind> {
  const head = await stream.peek(recognisedBytes);
  if (head.length === 0) throw new AppError('image.damaged', 'the image is empty');
  const kind = recognise(head);
  if (typeof kind === 'object') throw unsupported(`it is ${kind.unsupported}`);
  return kind;
}

async function unwrap(
  kind: Packing,
  stream: ByteStream,
  filter: Filter,
): Promise<{ stream: ByteStream; sizeBytes: number | undefined }> {
  switch (kind) {
    case 'tar': {
      const { content, sizeBytes } = await imageInTar(stream);
      return { stream: new ByteStream(content), sizeBytes };
    }
    case 'gzip':
      return unsized(inflate(stream, kind, createGunzip({ chunkSize })));
    case 'zstd': {
      const sizeBytes = await checkZstd(stream);
      const params = { [constants.ZSTD_d_windowLogMax]: Math.log2(maxWindowBytes) };
      const unpacked = inflate(stream, kind, createZstdDecompress({ chunkSize, params }));
      return { stream: new ByteStream(unpacked), sizeBytes };
    }
    case 'xz':
      return unsized(
        filtered(kind, filter('xz', ['-dc', '--memlimit-decompress=80MiB', '-T1'], stream)),
      );
    case 'bzip2':
      return unsized(filtered(kind, filter('bzip2', ['-dc'], stream)));
  }
}

function unsized(unpacked: AsyncIterable<Uint8Array>) {
  return { stream: new ByteStream(unpacked), sizeBytes: undefined };
}

/** The size of what is packed, where there is a single frame that says it.
 *  Errors: AppError `image.unsupported` where unpacking takes too much memory. */
async function checkZstd(stream: ByteStream): Promise<number | undefined> {
  const frame = parseZstdFrame(await stream.peek(zstdHeaderBytes));
  if (frame === undefined) return undefined;
  const { windowBytes, contentBytes } = frame;
  if (windowBytes <= maxWindowBytes) return contentBytes;
  throw tooLarge(`${Math.ceil(windowBytes / 1024 / 1024)} MiB of memory`);
}

/** True for a frame behind the first one, which was looked at. Source: zstd_errors.h. */
function isWindowTooLarge(err: unknown): boolean {
  return Object(err).code === 'ZSTD_error_frameParameter_windowTooLarge';
}

function tooLarge(memory = 'more memory'): AppError {
  return unsupported(
    `unpacking it takes ${memory} where 64 MiB are allowed; pack it without --long, --ultra and larger dictionaries`,
  );
}

async function* inflate(
  stream: ByteStream,
  kind: Packing,
  engine: ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>,
): AsyncGenerator<Uint8Array> {
  let inputError: unknown;
  const given = { bytes: 0, toLastContent: 0 };
  const feeding = pipeline(read(), engine).catch(() => {});
  try {
    // Without an encoding, what an engine gives are bytes.
    for await (const chunk of engine as AsyncIterable<Uint8Array>) yield chunk;
    await feeding;
    if (inputError !== undefined) throw inputError;
  } catch (err) {
    throw inputError ?? (isWindowTooLarge(err) ? tooLarge() : damaged(kind, err));
  } finally {
    engine.destroy();
    await feeding;
  }
  for await (const chunk of stream) note(chunk);
  // gzip may be padded with zeroes, at which the engine stops. Behind a frame only another one may stand: what is none
  // is one that was damaged.
  if (engine.bytesWritten < (kind === 'gzip' ? given.toLastContent : given.bytes)) {
    throw damaged(kind, new Error(`what follows at byte ${engine.bytesWritten} is no frame`));
  }

  function note(chunk: Uint8Array): void {
    const last = chunk.findLastIndex((byte) => byte !== 0);
    if (last !== -1) given.toLastContent = given.bytes + last + 1;
    given.bytes += chunk.length;
  }

  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of stream) {
        note(chunk);
        yield chunk;
      }
    } catch (err) {
      inputError = err;
      throw err;
    }
  }
}

/** The output of a program that complains when its input is damaged. */
async function* filtered(
  kind: Packing,
  output: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* output;
  } catch (err) {
    if (!isAppError(err, 'exec.failed')) throw err;
    throw isMemoryLimit(err.cause) ? tooLarge() : damaged(kind, err.cause);
  }
}

/** Source: message_mem_needed and LZMA_MEMLIMIT_ERROR of xz's src/xz/message.c. */
function isMemoryLimit(cause: unknown): boolean {
  return /memory (?:usage limit|is required)/i.test(describeError(cause));
}

function damaged(kind: Packing, cause: unknown): AppError {
  return new AppError('image.damaged', `the image's ${kind} data is cut short or damaged`, {
    cause,
  });
}

function unsupported(reason: string): AppError {
  return new AppError('image.unsupported', `the image cannot be written: ${reason}`);
}
