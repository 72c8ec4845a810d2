// Reads the header of a zstd frame, before memory is taken for it. Pure.

export interface ZstdFrame {
  /** The memory that whoever unpacks it must keep of what came before. */
  readonly windowBytes: number;
  /** The size of the unpacked frame; undefined if the frame does not state it. */
  readonly contentBytes: number | undefined;
}

/** As many bytes as a frame header has at most. */
export const zstdHeaderBytes = 18;

/** Undefined for what is no data frame (one to be skipped), or is cut short.
 *  Source: zstd_compression_format.md, "Frame_Header". */
export function parseZstdFrame(head: Buffer): ZstdFrame | undefined {
  if (head.length < 6 || head.readUInt32LE(0) !== 0xfd2fb528) return undefined;
  const descriptor = head.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const length = headerLength(descriptor);
  if (head.length < length) return undefined;
  const contentBytes = readSize(head, length - sizeBytes, sizeBytes);
  if (isSingleSegment) return { windowBytes: contentBytes ?? 0, contentBytes };
  const window = head.readUInt8(5);
  const base = 2 ** (10 + (window >> 3));
  return { windowBytes: base + (base / 8) * (window & 7), contentBytes };
}

/** The length of the frame at the start; undefined if it is cut short or not a frame.
 *  Source: zstd_compression_format.md, "Blocks". */
export function zstdFrameLength(bytes: Buffer): number | undefined {
  if (parseZstdFrame(bytes) === undefined) return undefined;
  const descriptor = bytes.readUInt8(4);
  let at = headerLength(descriptor);
  for (let isLast = false; !isLast;) {
    if (at + 3 > bytes.length) return undefined;
    const header = bytes.readUIntLE(at, 3);
    isLast = (header & 1) !== 0;
    const isRun = ((header >> 1) & 3) === 1;
    at += 3 + (isRun ? 1 : header >> 3);
  }
  const hasChecksum = (descriptor & 4) !== 0;
  const end = at + (hasChecksum ? 4 : 0);
  return end <= bytes.length ? end : undefined;
}

function headerLength(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const idBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return 5 + (isSingleSegment ? 0 : 1) + idBytes + sizeBytes;
}

function readSize(head: Buffer, at: number, bytes: number): number | undefined {
  switch (bytes) {
    case 1:
      return head.readUInt8(at);
    case 2:
      return head.readUInt16LE(at) + 256;
    case 4:
      return head.readUInt32LE(at);
    case 8:
      return Number(head.readBigUInt64LE(at));
    default:
      return undefined;
  }
}
