// Looks at the beginning of an image of this server, so that a plan can say what no agent would write.
// A Node that is too old has no zstd; it is told so in a sentence, by whoever imports this first.
import zlib from 'node:zlib';
import { recognise, recognisedBytes } from '../../../model/image/kind.ts';
import { hasTable } from '../../../model/image/table.ts';
import type { OpenImage } from '../../../store/images/folder.ts';
import type { ImageLook } from '../../rules/plan/digest.ts';

/** As much as a block of zstd has at most, and some more. */
const packedBytes = 160 * 1024;
/** Both places of a GPT's header. */
const neededBytes = 8 * 1024;

/** Some archives hold themselves. */
const maxLayers = 4;

/** Closes the image. Errors: none; an image that cannot be read is not known. */
export async function lookAt(image: OpenImage): Promise<ImageLook> {
  try {
    if (image.sizeBytes === 0) {
      await image.close();
      return { unsupported: 'an empty file' };
    }
    const start = image.stream(0, Math.min(packedBytes, image.sizeBytes) - 1);
    return await lookInto(await readTo(start, packedBytes), image.sizeBytes);
  } catch {
    return {};
  }
}

async function lookInto(head: Buffer, sizeBytes?: number, layers = 0): Promise<ImageLook> {
  if (layers > maxLayers) return {};
  const kind = recognise(head.subarray(0, recognisedBytes));
  if (typeof kind === 'object') return kind;
  switch (kind) {
    case 'raw':
      return sizeBytes === undefined && head.length < neededBytes
        ? {}
        : { hasTable: hasTable(head), ...(sizeBytes === undefined ? {} : { sizeBytes }) };
    case 'gzip':
    case 'zstd': {
      const engine = kind === 'gzip' ? zlib.createGunzip() : zlib.createZstdDecompress();
      engine.end(head);
      return await lookInto(await readTo(engine, neededBytes), undefined, layers + 1);
    }
    case 'qcow2':
    case 'xz':
    case 'bzip2':
    case 'tar':
      return {};
  }
}

/** The first bytes of a stream, as many as it has; what is cut short ends there. */
async function readTo(stream: AsyncIterable<unknown>, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      if (!Buffer.isBuffer(chunk)) break;
      chunks.push(chunk);
      size += chunk.length;
      if (size >= length) break;
    }
  } catch {
    // The rest of it was not given.
  }
  return Buffer.concat(chunks);
}
