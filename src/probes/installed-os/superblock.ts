// Reads the superblock of a file system. Pure.
import { uuidOfBytes } from '../../identity/uuid.ts';
import type { Piece } from '../contents/fields.ts';
import { recognise } from '../contents/recognise.ts';

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

/** Formats that may hide a system and are not looked into, in words. */
const opaque: Readonly<Record<string, string>> = {
  crypto_LUKS: 'encrypted by LUKS',
  BitLocker: 'encrypted by BitLocker',
  ntfs: 'an NTFS file system',
  linux_raid_member: 'a member of a RAID',
  LVM2_member: 'part of an LVM',
};

/** Says what a device is ("part of an LVM"); undefined if the piece of it shows nothing that hides a system. */
export function parseOpaque(piece: Piece): string | undefined {
  const types = recognise(piece).findings.map(({ type }) => opaque[type]);
  return types.find((words) => words !== undefined);
}

function found(type: Superblock['type'], bytes: Uint8Array): Superblock | undefined {
  return bytes.length === 16 ? { type, uuid: uuidOfBytes(bytes) } : undefined;
}

function ascii(bytes: Uint8Array, offset: number, length: number): string {
  return new TextDecoder('latin1').decode(bytes.subarray(offset, offset + length));
}
