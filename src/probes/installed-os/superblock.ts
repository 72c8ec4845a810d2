// Reads the superblock of a file system, and of what may hide one. Pure.
import { uuidOfBytes } from '../../identity/uuid.ts';
import { readArrayMember, type ArrayMember } from '../contents/array.ts';
import { Fields, type Piece } from '../contents/fields.ts';
import { recognise } from '../contents/recognise.ts';

export interface Superblock {
  type: 'ext4' | 'xfs' | 'btrfs';
  uuid: string;
}

/** The start of a device: the superblocks of ext and XFS are in its first page. */
export const headRange = { offset: 0, length: 4096 };
/** The superblock of a Linux RAID with metadata 1.2, the default, and the first area of LVM. */
export const secondRange = { offset: 4096, length: 4096 };
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

/** Formats that may hide a system, in words. */
const hiding: Readonly<Record<string, string>> = {
  crypto_LUKS: 'encrypted by LUKS',
  BitLocker: 'encrypted by BitLocker',
  ntfs: 'an NTFS file system',
  linux_raid_member: 'a member of a RAID',
  LVM2_member: 'part of an LVM',
};

export interface Hiding {
  /** "part of an LVM" */
  what: string;
  array: ArrayMember | undefined;
  /** The id of a member of a volume group. */
  member: string | undefined;
}

/** Undefined if the piece of a device shows nothing that hides a system. */
export function parseHiding(piece: Piece): Hiding | undefined {
  const finding = recognise(piece).findings.find(({ type }) => hiding[type] !== undefined);
  const what = hiding[finding?.type ?? ''];
  if (finding === undefined || what === undefined) return undefined;
  const isArray = finding.type === 'linux_raid_member';
  return {
    what,
    array: isArray ? readArrayMember(new Fields(piece.bytes), 0) : undefined,
    member: finding.type === 'LVM2_member' ? finding.uuid : undefined,
  };
}

/** True if the first page of a device is that of a partition table. */
export function isPartitioned(head: Uint8Array): boolean {
  return recognise({ ...headRange, bytes: head }).findings.some(({ type }) =>
    ['gpt', 'dos'].includes(type),
  );
}

function found(type: Superblock['type'], bytes: Uint8Array): Superblock | undefined {
  return bytes.length === 16 ? { type, uuid: uuidOfBytes(bytes) } : undefined;
}

function ascii(bytes: Uint8Array, offset: number, length: number): string {
  return new TextDecoder('latin1').decode(bytes.subarray(offset, offset + length));
}
