// Puts what a check-in uses of the agent's executable together, at the front of the file. The netboot image unpacks a
// whole block for each page that is wanted of it, and as Node is linked every second page of such a block is not.
// In memory everything stays where it was: a segment becomes many, each of which says where in the file it is now.
// Linux starts no program of more than 73 segments, the dynamic linker any (`ld.so PROGRAM`).

/** Source of all offsets and types: elf(5), for 64 bits. */
const segmentBytes = 56;
const types = { load: 1, phdr: 6 } as const;
const writable = 2;
const pageBytes = 4096;

export interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly align: number;
}

/** Pages by their number in memory, from the first up to and without the last. */
export interface Run {
  readonly from: number;
  readonly to: number;
}

export interface Ordered {
  readonly binary: Buffer;
  /** The length of what is used. */
  readonly front: number;
}

/** The same executable with the pages of `hot` before all others. What can be written to, and segments without a page in
 *  `hot`, as that which was added to Node, count as hot. The table of sections, for linkers and debuggers, is left out.
 *  Errors: throws where it is no ELF executable for 64 bits, is cut short, or has segments in an order of its own. */
export function orderExecutable(binary: Buffer, hot: readonly Run[]): Ordered {
  const segments = readSegments(binary);
  const loads = segments.filter(({ type }) => type === types.load);
  const [header, ...rest] = loads.flatMap((segment) => cut(segment, hot));
  if (header?.offset !== 0)
    throw new Error('the first segment of this executable is not its header');
  const others = segments.filter(({ type }) => type !== types.load && type !== types.phdr);
  const bytes = segmentBytes * (others.length + rest.length + 3);
  const table: Segment = {
    type: types.load,
    flags: 4,
    offset: 0,
    address: upToPage(Math.max(...loads.map((s) => s.address + s.memoryBytes))),
    fileBytes: bytes,
    memoryBytes: bytes,
    align: pageBytes,
  };

  const content: Buffer[] = [];
  const placed: Segment[] = [];
  let end = 0;
  const place = (segment: Segment, bytesOfIt: Buffer): void => {
    const within = segment.address % pageBytes;
    const length = upToPage(within + bytesOfIt.length);
    content.push(Buffer.concat([Buffer.alloc(within), bytesOfIt], length));
    placed.push({ ...segment, offset: end + within, align: pageBytes });
    end += length;
  };
  const copy = (piece: Segment): void => {
    place(piece, binary.subarray(piece.offset, piece.offset + piece.fileBytes));
  };
  copy(header);
  place(table, Buffer.alloc(bytes));
  for (const piece of rest.filter(({ isHot }) => isHot)) copy(piece);
  const front = end;
  for (const piece of rest.filter(({ isHot }) => !isHot)) copy(piece);

  const moved = (segment: Segment): Segment => {
    const { address } = segment;
    const home = placed.find((p) => p.address <= address && address < p.address + p.fileBytes);
    return home === undefined
      ? segment
      : { ...segment, offset: home.offset + address - home.address };
  };
  const all = [
    moved({ ...table, type: types.phdr, align: 8 }),
    ...others.map(moved),
    ...placed.toSorted((a, b) => a.address - b.address),
  ];
  const ordered = Buffer.concat(content);
  writeSegments(ordered, moved(table).offset, all);
  return { binary: ordered, front };
}

export function readSegments(binary: Buffer): Segment[] {
  const isElf = binary.length >= 64 && binary.readUInt32BE(0) === 0x7f454c46;
  if (!isElf || binary.readUInt16BE(4) !== 0x0201 || binary.readUInt16LE(0x36) !== segmentBytes) {
    throw new Error('this is no ELF executable for 64 bits, little-endian');
  }
  const table = Number(binary.readBigUInt64LE(0x20));
  const number = binary.readUInt16LE(0x38);
  if (table + number * segmentBytes > binary.length) throw new Error(cutShort);
  return Array.from({ length: number }, (_, i) => readSegment(binary, table + i * segmentBytes));
}

const cutShort = 'this executable is cut short: its segments do not fit into it';

function readSegment(binary: Buffer, at: number): Segment {
  const long = (offset: number): number => Number(binary.readBigUInt64LE(at + offset));
  const segment = {
    type: binary.readUInt32LE(at),
    flags: binary.readUInt32LE(at + 4),
    offset: long(8),
    address: long(16),
    fileBytes: long(32),
    memoryBytes: long(40),
    align: long(48),
  };
  if (segment.offset + segment.fileBytes > binary.length) throw new Error(cutShort);
  return segment;
}

interface Piece extends Segment {
  readonly isHot: boolean;
}

/** Cuts a segment where hot pages begin and end. */
function cut(segment: Segment, hot: readonly Run[]): Piece[] {
  const { address, fileBytes, flags } = segment;
  const end = address + fileBytes;
  const pages = { from: Math.floor(address / pageBytes), to: Math.ceil(end / pageBytes) };
  const inside = hot
    .map(({ from, to }) => ({ from: Math.max(from, pages.from), to: Math.min(to, pages.to) }))
    .filter(({ from, to }) => from < to);
  if ((flags & writable) !== 0 || inside.length === 0) return [{ ...segment, isHot: true }];
  const borders = inside.flatMap(({ from, to }) => [from, to]);
  const cuts = [...new Set([pages.from, ...borders, pages.to])].toSorted((a, b) => a - b);
  const starts = new Set(inside.map(({ from }) => from));
  return cuts.slice(1).map((to, i) => {
    const from = cuts[i] ?? pages.from;
    const start = Math.max(address, from * pageBytes);
    const bytes = Math.min(end, to * pageBytes) - start;
    const offset = segment.offset + start - address;
    const isHot = starts.has(from);
    return { ...segment, address: start, offset, fileBytes: bytes, memoryBytes: bytes, isHot };
  });
}

/** Writes the table of segments, and into the header where it is. */
function writeSegments(binary: Buffer, at: number, segments: readonly Segment[]): void {
  for (const [i, segment] of segments.entries()) {
    const { type, flags, offset, address, fileBytes, memoryBytes, align } = segment;
    const start = at + i * segmentBytes;
    binary.writeUInt32LE(type, start);
    binary.writeUInt32LE(flags, start + 4);
    // The address in memory stands for the physical one too.
    for (const [k, value] of [offset, address, address, fileBytes, memoryBytes, align].entries()) {
      binary.writeBigUInt64LE(BigInt(value), start + 8 + 8 * k);
    }
  }
  binary.writeBigUInt64LE(BigInt(at), 0x20);
  binary.writeUInt16LE(segments.length, 0x38);
  // No sections: neither a table of them nor one of their names.
  binary.writeBigUInt64LE(0n, 0x28);
  binary.fill(0, 0x3c, 64);
}

function upToPage(bytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}
