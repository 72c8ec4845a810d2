// The header of a qcow2 image, and what of such images is refused: everything that leads to another file
// or needs a key. Pure.
import { AppError } from '../../../core/errors.ts';

export interface Qcow2Header {
  /** The size of the disk in the image. */
  readonly sizeBytes: number;
  readonly clusterBits: number;
  readonly clusterBytes: number;
  readonly l1Offset: number;
  /** As many as the size takes. */
  readonly l1Entries: number;
  readonly compression: 'zlib' | 'zstd';
}

export const qcow2HeaderBytes = 512;

/** Tables of this many bytes are a disk of 32 TiB with clusters of 64 KiB. */
const maxL1Bytes = 4 * 1024 * 1024;

/** Source: QEMU docs/interop/qcow2.txt. Errors: AppError `image.unsupported`, `image.damaged`. */
export function parseQcow2Header(head: Buffer): Qcow2Header {
  if (head.length < 104) throw damaged('it is cut short');
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw unsupported(`its version is ${version}`);
  const features = version === 3 ? head.readBigUInt64BE(72) : 0n;
  refuseAttacks(head, features);
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 12 || clusterBits > 21) {
    throw unsupported(`its clusters have ${2 ** clusterBits} bytes; 4 KiB to 2 MiB are possible`);
  }
  const clusterBytes = 2 ** clusterBits;
  const sizeBytes = Number(head.readBigUInt64BE(24));
  const l1Entries = Math.ceil(sizeBytes / (clusterBytes * (clusterBytes / 8)));
  const l1Offset = Number(head.readBigUInt64BE(40));
  if (sizeBytes === 0 || sizeBytes % 512 !== 0) throw damaged(`its size is ${sizeBytes} bytes`);
  if (l1Entries * 8 > maxL1Bytes) throw unsupported(`its size is ${sizeBytes} bytes`);
  if (head.readUInt32BE(36) < l1Entries || l1Offset % clusterBytes !== 0 || l1Offset === 0) {
    throw damaged('its table does not cover its size');
  }
  const compression = (features & 8n) !== 0n && head[104] === 1 ? 'zstd' : 'zlib';
  return { sizeBytes, clusterBits, clusterBytes, l1Offset, l1Entries, compression };
}

/** An image from elsewhere must not have this machine read another file: CVE-2024-44082 and its kind. */
function refuseAttacks(head: Buffer, features: bigint): void {
  if (head.readBigUInt64BE(8) !== 0n)
    throw unsupported('it has a backing file; flatten it with qemu-img convert');
  if (head.readUInt32BE(32) !== 0) throw unsupported('it is encrypted');
  if ((features & 4n) !== 0n) throw unsupported('its data is in another file');
  if ((features & 2n) !== 0n) throw damaged('it is marked as corrupt');
  if ((features & 16n) !== 0n) {
    throw unsupported('it has subclusters; convert it with qemu-img convert -o extended_l2=off');
  }
  if ((features & ~9n) !== 0n) throw unsupported('it has features that this agent does not know');
  if ((features & 8n) !== 0n && (head[104] ?? 0) > 1) {
    throw unsupported('it is compressed in a way that this agent does not know');
  }
}

export function unsupported(reason: string): AppError {
  return new AppError('image.unsupported', `the qcow2 image cannot be written: ${reason}`);
}

export function damaged(reason: string): AppError {
  return new AppError('image.damaged', `the qcow2 image is damaged: ${reason}`);
}
