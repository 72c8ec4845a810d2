// The partition table at the start of an image, and what it must become on the disk that the image is
// written to. Pure.
import { crc32 } from 'node:zlib';
import { AppError } from '../../core/errors.ts';
import { hasGpt, hasMbrPartitions, lastMbrLba, mbrEntries } from '../../model/image/table.ts';

/** As much of the start of an image as this file looks at. */
export const tableBytes = 1024 * 1024;

const maxEntryBytes = 4096;

export interface DiskGeometry {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sectorBytes: number;
}

interface Gpt {
  readonly headerBytes: number;
  readonly entriesLba: number;
  readonly entries: Buffer;
  readonly entryBytes: number;
  readonly lastUsedLba: number;
}

/** Errors: AppError `disk.mismatch` when firmware could not boot this image from this disk: the table counts
 *  in other sectors than the disk's, or its partitions reach beyond the end; `image.damaged` when nobody would
 *  take the table for one. */
export function checkTable(head: Buffer, disk: DiskGeometry): void {
  const sectors = [512, 4096].filter((bytes) => hasGpt(head, bytes));
  const { sectorBytes, path, sizeBytes } = disk;
  if (sectors.length > 0 && !sectors.includes(sectorBytes)) {
    throw new AppError(
      'disk.mismatch',
      `the image is made for disks with sectors of ${sectors[0]} bytes and cannot boot from ${path}, whose sectors have ${sectorBytes}`,
    );
  }
  if (sectors.length === 0 && sectorBytes !== 512 && hasMbrPartitions(head)) {
    throw new AppError(
      'disk.mismatch',
      `the image has an MBR for sectors of 512 bytes and cannot boot from ${path}, whose sectors have ${sectorBytes}; it needs a GPT made for them`,
    );
  }
  requireSound(head, sectorBytes);
  const gpt = sectors.length > 0 ? parseGpt(head, sectorBytes) : undefined;
  const usedLba = gpt?.lastUsedLba ?? lastMbrLba(head);
  if ((usedLba + 1) * sectorBytes <= sizeBytes) return;
  throw new AppError(
    'disk.mismatch',
    `the partitions of the image reach to byte ${(usedLba + 1) * sectorBytes}, but ${path} has ${sizeBytes}; choose a larger disk`,
  );
}

/** Kernels and firmware pass over a GPT that is damaged, or is not protected by an MBR, and look for its backup at the
 *  end of the disk, where that of an image seldom is. An MBR with partitions of its own counts without.
 *  Source: UEFI specification 2.10, 5.3.2; is_pmbr_valid of Linux' block/partitions/efi.c. */
function requireSound(head: Buffer, sectorBytes: number): void {
  if (!hasGpt(head, sectorBytes) || hasMbrPartitions(head)) return;
  const isProtected =
    head.readUInt16LE(510) === 0xaa55 && mbrEntries.some((at) => head[at + 4] === 0xee);
  const what = isProtected ? damageOf(head, sectorBytes) : 'it has no protective MBR';
  if (what === undefined) return;
  throw new AppError(
    'image.damaged',
    `the image has a GPT from which nothing can boot: ${what}; make the image anew`,
  );
}

/** The first MiB of an image as it must be on a larger disk, and the backup of its GPT for the disk's end;
 *  undefined where the image has no GPT, or one that is damaged.
 *  Source: UEFI specification 2.10, 5.2.3 (protective MBR) and 5.3. */
export function moveBackup(
  head: Buffer,
  { sizeBytes, sectorBytes }: Pick<DiskGeometry, 'sizeBytes' | 'sectorBytes'>,
): { head: Buffer; backup: { offset: number; bytes: Buffer } } | undefined {
  const gpt = parseGpt(head, sectorBytes);
  if (gpt === undefined) return undefined;
  const lastLba = Math.floor(sizeBytes / sectorBytes) - 1;
  const entrySectors = Math.ceil(gpt.entries.length / sectorBytes);
  const backupEntriesLba = lastLba - entrySectors;
  if (backupEntriesLba <= gpt.lastUsedLba) return undefined;
  const moved = Buffer.from(head);
  const primary = moved.subarray(sectorBytes, sectorBytes + gpt.headerBytes);
  primary.writeBigUInt64LE(BigInt(lastLba), 32);
  primary.writeBigUInt64LE(BigInt(backupEntriesLba - 1), 48);
  const bytes = Buffer.alloc((entrySectors + 1) * sectorBytes);
  gpt.entries.copy(bytes);
  const backup = bytes.subarray(
    entrySectors * sectorBytes,
    entrySectors * sectorBytes + gpt.headerBytes,
  );
  primary.copy(backup);
  backup.writeBigUInt64LE(BigInt(lastLba), 24);
  backup.writeBigUInt64LE(1n, 32);
  backup.writeBigUInt64LE(BigInt(backupEntriesLba), 72);
  sign(primary);
  sign(backup);
  correctProtectiveMbr(moved, lastLba);
  return { head: moved, backup: { offset: backupEntriesLba * sectorBytes, bytes } };
}

function sign(header: Buffer): void {
  header.writeUInt32LE(0, 16);
  header.writeUInt32LE(crc32(header), 16);
}

/** Its one partition covers the disk, as far as 32 bits go. A hybrid MBR has others beside it, over which it must not
 *  reach: boards that boot by the MBR find theirs no more. */
function correctProtectiveMbr(head: Buffer, lastLba: number): void {
  const used = mbrEntries.filter((at) => head[at + 4] !== 0);
  const [at] = used;
  if (at === undefined || used.length > 1) return;
  if (head[at + 4] !== 0xee || head.readUInt32LE(at + 8) !== 1) return;
  head.writeUInt32LE(Math.min(lastLba, 0xffffffff), at + 12);
}

/** Undefined for what is none, does not lie within the first MiB, or is damaged. */
function parseGpt(head: Buffer, sectorBytes: number): Gpt | undefined {
  if (!hasGpt(head, sectorBytes) || damageOf(head, sectorBytes) !== undefined) return undefined;
  const headerBytes = head.readUInt32LE(sectorBytes + 12);
  const { entriesLba, entryBytes, start, end } = placeOf(head, sectorBytes);
  if (end > head.length) return undefined;
  const entries = head.subarray(start, end);
  return {
    headerBytes,
    entriesLba,
    entries,
    entryBytes,
    lastUsedLba: lastLbaOf(entries, entryBytes),
  };
}

/** The fault of a GPT, as far as it lies within the first MiB. */
function damageOf(head: Buffer, sectorBytes: number): string | undefined {
  if (head.length < 2 * sectorBytes) return 'it is cut short';
  const headerBytes = head.readUInt32LE(sectorBytes + 12);
  if (headerBytes < 92 || headerBytes > sectorBytes) return 'its header is damaged';
  const header = Buffer.from(head.subarray(sectorBytes, sectorBytes + headerBytes));
  const crc = header.readUInt32LE(16);
  header.writeUInt32LE(0, 16);
  const isSound = crc32(header) === crc && header.readBigUInt64LE(24) === 1n;
  const { entryBytes, start, end } = placeOf(head, sectorBytes);
  if (!isSound || entryBytes < 128 || entryBytes > maxEntryBytes) return 'its header is damaged';
  if (end > head.length) return undefined;
  const isSame = crc32(head.subarray(start, end)) === head.readUInt32LE(sectorBytes + 88);
  return isSame ? undefined : 'its entries are damaged';
}

/** Where the entries are, in bytes. */
function placeOf(head: Buffer, sectorBytes: number) {
  const at = sectorBytes;
  const entriesLba = Number(head.readBigUInt64LE(at + 72));
  const [count, entryBytes] = [head.readUInt32LE(at + 80), head.readUInt32LE(at + 84)];
  const start = entriesLba * sectorBytes;
  return { entriesLba, entryBytes, start, end: start + count * entryBytes };
}

function lastLbaOf(entries: Buffer, entryBytes: number): number {
  let last = 0;
  for (let at = 0; at + entryBytes <= entries.length; at += entryBytes) {
    const isUsed = entries.subarray(at, at + 16).some((byte) => byte !== 0);
    if (isUsed) last = Math.max(last, Number(entries.readBigUInt64LE(at + 40)));
  }
  return last;
}
