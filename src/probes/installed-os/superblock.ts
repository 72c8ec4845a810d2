// Reads the superblock of a file system. Pure.
import { uuidOfBytes } from '../../identity/uuid.ts';

export interface Superblock {
  type: 'ext4' | 'xfs' | 'btrfs';
  uuid: string;
}

/** The start of a device: the superblocks of ext and XFS are in its first page. */
export const headRange = { offset: 0, length: 4096 };
/** The superblock of a Linux RAID with metadata 1.2, the default. */
export const raidRange = { offset: 4096, length: 4096 };
/** The superblock of btrfs. */
export const btrfsRange = { offset: 65_536, length: 4096 };

/** ext2, ext3 and ext4 (which one driver mounts) or XFS, from the first page of a device.
 *  Source: kernel Documentation/filesystems/ext4 (super block at byte 1024), xfs_format.h. */
export function parseHead(head: Uint8Array): Superblock | undefined {
  if (ascii(head, 0, 4) === 'XFSB') return found('xfs', head.subarray(32, 48));
  const isExt = head[1024 + 56] === 0x53 && head[1024 + 57] === 0xef;
  return isExt ? found('ext4', head.subarray(1024 + 104, 1024 + 120)) : undefined;
}

/** btrfs, from the page at 64 KiB. Source: btrfs on-disk format, super block. */
export function parseBtrfs(page: Uint8Array): Superblock | undefined {
  return ascii(page, 64, 8) === '_BHRfS_M' ? found('btrfs', page.subarray(32, 48)) : undefined;
}

/** Signatures of what may hide a system and is not looked into: what it is, where in its page, and the
 *  signature itself, in Latin-1. */
const opaque: readonly (readonly [what: string, at: number, signature: string])[] = [
  ['encrypted by LUKS', 0, 'LUKS\u00ba\u00be'],
  ['encrypted by BitLocker', 3, '-FVE-FS-'],
  ['an NTFS file system', 3, 'NTFS    '],
  ['a member of a RAID', 0, '\u00fc\u004e\u002b\u00a9'],
  // The label is in one of the first four sectors.
  ...[0, 512, 1024, 1536].map((at) => ['part of an LVM', at + 24, 'LVM2 001'] as const),
];

/** Says what a device is ("part of an LVM"), and where its page shows it; undefined if it hides no
 *  system. Source: LUKS on-disk format; lvm2 lib/format_text/layout.h; md.4; NTFS boot sector. */
export function parseOpaque(
  page: Uint8Array,
): { what: string; start: number; end: number } | undefined {
  const match = opaque.find(([, at, text]) => ascii(page, at, text.length) === text);
  if (match === undefined) return undefined;
  const [what, start, { length }] = match;
  return { what, start, end: start + length };
}

function found(type: Superblock['type'], bytes: Uint8Array): Superblock | undefined {
  return bytes.length === 16 ? { type, uuid: uuidOfBytes(bytes) } : undefined;
}

function ascii(bytes: Uint8Array, offset: number, length: number): string {
  return new TextDecoder('latin1').decode(bytes.subarray(offset, offset + length));
}
