// Looks at an image as far as that goes before anything is written, refuses what cannot end well, and
// says how the image comes to the disk.
import { AppError } from '../../core/errors.ts';
import { checkTable, tableBytes, type DiskGeometry } from '../disk/gpt.ts';
import type { DiskWriter } from './disk-writer.ts';
import { copyQcow2, readQcow2Start } from './qcow2/copy.ts';
import { damaged, parseQcow2Header, qcow2HeaderBytes } from './qcow2/header.ts';
import { Qcow2Map } from './qcow2/map.ts';
import { pieceReader } from './qcow2/pieces.ts';
import { release } from './memory.ts';
import type { ImageSource, Opened } from './fetching/source.ts';
import type { Zeroing } from './zeroing.ts';

export interface ImagePlan {
  readonly opened: Opened;
  /** The size of the disk's content; undefined if it is known only at the end. */
  readonly sizeBytes: number | undefined;
  /** Writes are multiples of this size. */
  readonly unitBytes: number;
  readonly copy: (writer: DiskWriter, zeroing: Zeroing) => Promise<void>;
}

const defaultUnitBytes = 64 * 1024;

/** Errors: AppError `disk.mismatch`, `image.*`. */
export async function planImage(source: ImageSource, disk: DiskGeometry): Promise<ImagePlan> {
  const opened = await source.open();
  return opened.format === 'raw'
    ? await planRaw(opened, disk)
    : await planQcow2(opened, source, disk);
}

async function planRaw(opened: Opened, disk: DiskGeometry): Promise<ImagePlan> {
  const { stream, sizeBytes = 0 } = opened;
  requireRoom(sizeBytes, disk);
  checkTable(await stream.peek(tableBytes), disk);
  return {
    opened,
    sizeBytes: undefined,
    unitBytes: defaultUnitBytes,
    async copy(writer) {
      const isOurs = ['gzip', 'zstd'].includes(opened.packings.at(-1) ?? '');
      for await (const chunk of stream) {
        await writer.write(writer.endBytes, chunk);
        if (isOurs) release(chunk);
      }
    },
  };
}

async function planQcow2(
  opened: Opened,
  source: ImageSource,
  disk: DiskGeometry,
): Promise<ImagePlan> {
  const { stream, transfer, packings } = opened;
  const header = parseQcow2Header(await stream.peek(qcow2HeaderBytes));
  const { sizeBytes, clusterBytes } = header;
  requireRoom(sizeBytes, disk);
  const fileBytes = transfer.sizeBytes ?? Infinity;
  const part = (offset: number, length: number): Promise<Buffer | undefined> => {
    if (offset >= fileBytes) throw damaged(`it refers to byte ${offset} of ${fileBytes}`);
    return transfer.part(offset, Math.min(length, fileBytes - offset));
  };
  const read = pieceReader(
    packings.length === 0 ? part : undefined,
    async () => (await source.open()).stream,
  );
  const map = await Qcow2Map.read(header, read);
  map.requireReadable(packings.length === 0 ? fileBytes : Infinity);
  checkTable(await readQcow2Start(header, map, tableBytes, read), disk);
  return {
    opened,
    sizeBytes,
    unitBytes: Math.min(defaultUnitBytes, clusterBytes),
    async copy(writer, zeroing) {
      await copyQcow2(stream, header, map.extents(), (at, bytes) => writer.write(at, bytes));
      await fillHoles(map, writer, zeroing);
    },
  };
}

/** The disk reads as zeroes where the image has nothing. */
async function fillHoles(map: Qcow2Map, writer: DiskWriter, zeroing: Zeroing): Promise<void> {
  const zeroes = Buffer.alloc(1024 * 1024);
  for (const { offset, length } of map.holes()) {
    await zeroing.reach(offset + length);
    for (const [from, end] of zeroing.uncovered(offset, offset + length)) {
      for (let at = from; at < end; at += zeroes.length) {
        await writer.write(at, zeroes.subarray(0, end - at));
      }
    }
  }
}

function requireRoom(imageBytes: number, { path, sizeBytes }: DiskGeometry): void {
  if (imageBytes <= sizeBytes) return;
  throw new AppError(
    'disk.mismatch',
    `the image has ${imageBytes} bytes and ${path} has ${sizeBytes}; choose a larger disk`,
  );
}
