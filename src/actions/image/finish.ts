// The last writes of an installation: what was held back of the image, and a GPT that fits the disk. Until
// they are made, the disk does not boot.
import { hasTable } from '../../model/image/table.ts';
import { checkTable, moveBackup, tableBytes } from '../disk/gpt.ts';
import { alignedBuffer, type BlockFile } from '../../sources/writing/block-file.ts';
import type { Held } from './disk-writer.ts';
import { readBackPiece } from './read-back.ts';

/** Writes the end, then the start of the image, each read back. Resolves to whether there is a partition
 *  table, and whether it is a GPT whose backup was moved to the end of the disk. Errors: AppError `disk.mismatch`, `disk.failed`, `disk.damaged`. */
export async function writeEnds(
  file: BlockFile,
  held: readonly Held[],
): Promise<{ readonly hasTable: boolean; readonly isGptMoved: boolean }> {
  const [first, ...last] = held;
  if (first === undefined) return { hasTable: false, isGptMoved: false };
  if (first.offset !== 0) {
    // The image begins with a hole: there is no table, and its end is written all the same.
    await writeAll(file, held);
    return { hasTable: false, isGptMoved: false };
  }
  checkTable(first.bytes, file);
  const moved = moveBackup(first.bytes.subarray(0, tableBytes), file);
  if (moved !== undefined) {
    const backup = { offset: moved.backup.offset, bytes: aligned(moved.backup.bytes) };
    // On a disk of the image's size, the end of the image has the place of the backup.
    for (const piece of last) overlay(piece, backup);
    last.push(backup);
  }
  const head = { offset: 0, bytes: moved === undefined ? first.bytes : aligned(moved.head) };
  for (const pieces of [last, [head]]) await writeAll(file, pieces);
  return { hasTable: hasTable(head.bytes), isGptMoved: moved !== undefined };
}

async function writeAll(file: BlockFile, pieces: readonly Held[]): Promise<void> {
  for (const { bytes, offset } of pieces) await file.write(bytes, offset);
  await file.sync();
  for (const piece of pieces) await readBackPiece(file, piece);
}

function overlay(below: Held, { offset, bytes }: Held): void {
  const start = offset - below.offset;
  if (start >= below.bytes.length || start + bytes.length <= 0) return;
  const from = Math.max(0, -start);
  below.bytes.set(
    bytes.subarray(from, from + below.bytes.length - Math.max(0, start)),
    Math.max(0, start),
  );
}

function aligned(bytes: Buffer): Buffer {
  const buffer = alignedBuffer(bytes.length);
  buffer.set(bytes);
  return buffer;
}
