// Pieces of a file out of its order, before the file is read as a whole: parts of it where the server
// gives parts, or else a pass over the file for each time that pieces are wanted.
import { AppError } from '../../../core/errors.ts';
import type { ByteStream } from '../packing/byte-stream.ts';
import type { ReadPieces } from './map.ts';

/** A part of the file; undefined where the server gives none. */
export type ReadPart = (offset: number, length: number) => Promise<Buffer | undefined>;

/** Another pass over the file from its start. */
export type OpenFile = () => Promise<ByteStream>;

export function pieceReader(readPart: ReadPart | undefined, open: OpenFile): ReadPieces {
  let part = readPart;
  return async (pieces) => {
    if (part !== undefined) {
      const parts = await allParts(pieces, part);
      if (parts !== undefined) return parts;
      part = undefined;
    }
    return await onePass(pieces, await open());
  };
}

type Pieces = Parameters<ReadPieces>[0];

async function allParts(pieces: Pieces, part: ReadPart): Promise<Buffer[] | undefined> {
  const parts: Buffer[] = [];
  for (const { offset, length } of pieces) {
    const bytes = await part(offset, length);
    if (bytes === undefined) return undefined;
    parts.push(bytes);
  }
  return parts;
}

async function onePass(pieces: Pieces, file: ByteStream): Promise<Buffer[]> {
  const found = new Map<number, Buffer>();
  let position = 0;
  try {
    for (const [i, { offset, length }] of [...pieces.entries()].toSorted(
      ([, a], [, b]) => a.offset - b.offset,
    )) {
      const isThere = offset >= position && (await file.skip(offset - position));
      const bytes = isThere ? await file.readUpTo(length) : Buffer.alloc(0);
      if (bytes.length === 0) {
        throw new AppError('image.damaged', `the qcow2 image has nothing at byte ${offset}`);
      }
      position = offset + bytes.length;
      found.set(i, bytes);
    }
  } finally {
    await file.close();
  }
  return pieces.map((_, i) => found.get(i) ?? Buffer.alloc(0));
}
