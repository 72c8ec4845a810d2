// Finds the one image in a tar archive and gives its content as it passes. GNU tar's sparse files, as
// Google's cloud uses them, come out whole.
import { AppError } from '../../../core/errors.ts';
import { ByteStream } from './byte-stream.ts';

const block = 512;
/** A member below this is a note beside the image: a manifest, a checksum, a licence. */
const smallestImageBytes = 1024 * 1024;
/** The limit for a long name or a map of holes. */
const maxExtensionBytes = 4 * 1024 * 1024;

export interface TarMember {
  readonly name: string;
  /** Unpacked, with its holes. */
  readonly sizeBytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

/** The image of an archive, which must have one. Its content fails when the archive is cut short, or has
 *  another image. Errors: AppError `image.damaged`, `image.unsupported`. */
export async function imageInTar(archive: ByteStream): Promise<TarMember> {
  const header = await nextImage(archive);
  if (header === undefined) throw unsupported('has no image in it');
  const { name, sizeBytes } = header;
  return { name, sizeBytes, content: contentOf(archive, header) };
}

interface Header {
  readonly name: string;
  /** In the archive. */
  readonly storedBytes: number;
  readonly sizeBytes: number;
  /** The parts that are stored, by where they belong; undefined: all of it is. */
  readonly parts: readonly Part[] | undefined;
}

interface Part {
  readonly offset: number;
  readonly length: number;
}

async function* contentOf(archive: ByteStream, header: Header): AsyncGenerator<Uint8Array> {
  const { storedBytes, sizeBytes } = header;
  let offset = 0;
  for (const part of header.parts ?? [{ offset: 0, length: storedBytes }]) {
    yield* zeroes(part.offset - offset);
    for (let left = part.length; left > 0;) {
      const chunk = await archive.next(left);
      if (chunk === undefined) throw cutShort();
      left -= chunk.length;
      yield chunk;
    }
    offset = part.offset + part.length;
  }
  yield* zeroes(sizeBytes - offset);
  await skip(archive, padding(storedBytes));
  const other = await nextImage(archive);
  if (other !== undefined) throw unsupported(`has two images, ${header.name} and ${other.name}`);
}

function* zeroes(length: number): Generator<Uint8Array> {
  const nothing = Buffer.alloc(Math.min(length, 1024 * 1024));
  for (let left = length; left > 0; left -= nothing.length) yield nothing.subarray(0, left);
}

/** Leaves out what is no image; undefined at the archive's end. */
async function nextImage(archive: ByteStream): Promise<Header | undefined> {
  let extended: ReadonlyMap<string, string> = new Map();
  for (;;) {
    const head = await archive.read(block);
    if (head === undefined) throw cutShort();
    if (head.every((byte) => byte === 0)) return await finish(archive);
    if (checksumOf(head) !== octal(head, 148, 8)) throw damaged('a header in it is wrong');
    const type = String.fromCharCode(head[156] ?? 0);
    const size = numberAt(head, 124);
    if (type === 'x') {
      extended = parsePax(await readExtension(archive, size));
      continue;
    }
    const storedBytes = Number(extended.get('size') ?? size);
    if (!Number.isSafeInteger(storedBytes) || storedBytes < 0)
      throw damaged('a size in it is wrong');
    const member = await memberOf(archive, head, { type, storedBytes, extended });
    if (member !== undefined && member.sizeBytes >= smallestImageBytes) return member;
    if (member === undefined && !isSkipped(type))
      throw unsupported(`has a member of type "${type}"`);
    await skip(archive, (member?.storedBytes ?? storedBytes) + padding(storedBytes));
    extended = new Map();
  }
}

/** Links, devices, directories, and what belongs to a name. */
function isSkipped(type: string): boolean {
  return /^[1-6gLKVD]$/.test(type);
}

async function memberOf(
  archive: ByteStream,
  head: Buffer,
  given: { type: string; storedBytes: number; extended: ReadonlyMap<string, string> },
): Promise<Header | undefined> {
  const { type, storedBytes, extended } = given;
  const name = extended.get('GNU.sparse.name') ?? extended.get('path') ?? textAt(head, 0, 100);
  if (type === 'S') return await oldSparse(archive, head, name, storedBytes);
  if (type !== '0' && type !== '\0' && type !== '7') return undefined;
  const major = extended.get('GNU.sparse.major');
  if (major === '1') return await paxSparse(archive, extended, name, storedBytes);
  if (extended.has('GNU.sparse.size')) throw unsupported('has a sparse file of an old format');
  return { name, storedBytes, sizeBytes: storedBytes, parts: undefined };
}

/** GNU tar's own sparse files, whose map is in the header and in blocks after it.
 *  Source: GNU tar manual, "Old GNU Format". */
async function oldSparse(
  archive: ByteStream,
  head: Buffer,
  name: string,
  storedBytes: number,
): Promise<Header> {
  const parts = mapAt(head, 386, 4);
  let isExtended = head[482] === 1;
  while (isExtended) {
    const more = await archive.read(block);
    if (more === undefined) throw cutShort();
    parts.push(...mapAt(more, 0, 21));
    if (parts.length > 1_000_000) throw unsupported('has a sparse file in too many parts');
    isExtended = more[504] === 1;
  }
  return checked({ name, storedBytes, sizeBytes: numberAt(head, 483), parts });
}

/** Source: GNU tar manual, "PAX Format, Version 1.0": the map stands before the content. */
async function paxSparse(
  archive: ByteStream,
  extended: ReadonlyMap<string, string>,
  name: string,
  storedBytes: number,
): Promise<Header> {
  const numbers: number[] = [];
  let mapBytes = 0;
  let rest = '';
  while (numbers.length === 0 || numbers.length < 1 + 2 * (numbers[0] ?? 0)) {
    const more = await archive.read(block);
    if (more === undefined) throw cutShort();
    mapBytes += block;
    if (mapBytes > maxExtensionBytes) throw unsupported('has a sparse file in too many parts');
    const lines = (rest + more.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    numbers.push(...lines.map(Number));
  }
  const parts = Array.from({ length: numbers[0] ?? 0 }, (_, i) => ({
    offset: numbers[1 + 2 * i] ?? NaN,
    length: numbers[2 + 2 * i] ?? NaN,
  }));
  const sizeBytes = Number(extended.get('GNU.sparse.realsize'));
  return checked({ name, storedBytes: storedBytes - mapBytes, sizeBytes, parts });
}

function checked(header: Header): Header {
  const { parts = [], sizeBytes, storedBytes } = header;
  let end = 0;
  let stored = 0;
  for (const { offset, length } of parts) {
    if (!(offset >= end && length >= 0)) throw damaged('the map of its holes is wrong');
    end = offset + length;
    stored += length;
  }
  if (!(end <= sizeBytes && stored === storedBytes && Number.isSafeInteger(sizeBytes))) {
    throw damaged('the map of its holes is wrong');
  }
  return { ...header, parts: parts.filter(({ length }) => length > 0) };
}

function mapAt(bytes: Buffer, at: number, count: number): Part[] {
  return Array.from({ length: count }, (_, i) => at + i * 24)
    .filter((start) => bytes[start] !== 0)
    .map((start) => ({ offset: numberAt(bytes, start), length: numberAt(bytes, start + 12) }));
}

/** Reads what is left, so that whoever sends it has sent it all. */
async function finish(archive: ByteStream): Promise<undefined> {
  while ((await archive.next()) !== undefined);
  return undefined;
}

async function readExtension(archive: ByteStream, size: number): Promise<string> {
  if (size > maxExtensionBytes) throw damaged('an extended header in it is too long');
  const bytes = await archive.read(size);
  if (bytes === undefined) throw cutShort();
  await skip(archive, padding(size));
  return bytes.toString('utf8');
}

/** Records "LENGTH key=value\n". Source: POSIX pax, "pax Extended Header". */
function parsePax(text: string): Map<string, string> {
  const records = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^\d+ ([^=]+)=(.*)$/s.exec(line) ?? [];
    if (key !== undefined && value !== undefined) records.set(key, value);
  }
  return records;
}

async function skip(archive: ByteStream, length: number): Promise<void> {
  if (!(await archive.skip(length))) throw cutShort();
}

function padding(size: number): number {
  return (block - (size % block)) % block;
}

function checksumOf(head: Buffer): number {
  return head.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
}

/** Octal digits, or, for what is larger than those can say, the bytes of the number itself. */
function numberAt(bytes: Buffer, at: number): number {
  if ((bytes[at] ?? 0) < 0x80) return octal(bytes, at, 12);
  return Number(bytes.readBigUInt64BE(at + 4));
}

function octal(bytes: Buffer, at: number, length: number): number {
  const text = textAt(bytes, at, length).trim();
  return /^[0-7]*$/.test(text) ? Number.parseInt(text || '0', 8) : NaN;
}

function textAt(bytes: Buffer, at: number, length: number): string {
  return bytes.toString('latin1', at, at + length).split('\0')[0] ?? '';
}

function cutShort(): AppError {
  return damaged('it is cut short');
}

function damaged(what: string): AppError {
  return new AppError('image.damaged', `the tar archive cannot be read: ${what}`);
}

function unsupported(what: string): AppError {
  return new AppError('image.unsupported', `the tar archive ${what}: it must have one image`);
}
