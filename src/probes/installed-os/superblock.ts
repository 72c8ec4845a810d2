// What a file system says of itself in its first blocks. Pure.

export interface Superblock {
  type: 'ext4' | 'xfs' | 'btrfs';
  uuid: string;
}

/** The start of a device, as far as recognising needs: ext and XFS lie in its first page. */
export const headLength = 4096;
/** Where btrfs keeps its superblock, and how much of that is needed. */
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

function found(type: Superblock['type'], bytes: Uint8Array): Superblock | undefined {
  if (bytes.length !== 16) return undefined;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { type, uuid: hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') };
}

function ascii(bytes: Uint8Array, offset: number, length: number): string {
  return new TextDecoder('latin1').decode(bytes.subarray(offset, offset + length));
}
