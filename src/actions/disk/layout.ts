// The places of the partitions of a layout on a disk. Pure.
import { AppError } from '../../core/errors.ts';
import { parseSize } from '../../model/actions/size.ts';
import type { DiskGeometry } from './gpt.ts';

export type Layout = 'gpt-efi' | 'gpt-bios' | 'single';

export interface PlannedPartition {
  readonly number: number;
  readonly role: 'esp' | 'bios' | 'swap' | 'root';
  /** In sectors of the disk. */
  readonly start: number;
  readonly size: number;
}

const MiB = 1024 * 1024;
const align = MiB;

/** Types of GPT partitions. Source: UEFI specification 2.10, table 5.7; Discoverable Partitions Specification;
 *  GRUB manual, "BIOS installation". */
export const partitionTypes: Readonly<Record<PlannedPartition['role'], string>> = {
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  bios: '21686148-6449-6E6F-744E-656564454649',
  swap: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  root: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
};

const leastBytes = 64 * MiB;
/** Below this a root has no room for its file system. Source: mkfs.xfs(8) of 5.19 and later; mkfs.btrfs(8), with
 *  metadata in two copies. */
const leastOf: Readonly<Record<string, number>> = { xfs: 300 * MiB, btrfs: 128 * MiB };

interface Sizes {
  readonly efiSize?: string | undefined;
  readonly swapSize?: string | undefined;
  /** The root's. */
  readonly filesystem?: string | undefined;
}

/** The partitions, each on whole MiB, the root with all that is left.
 *  Errors: AppError `action.invalid`, `disk.mismatch` when the disk is too small. */
export function layOut(
  layout: Layout,
  { efiSize = '512M', swapSize, filesystem = 'ext4' }: Sizes,
  disk: DiskGeometry,
): readonly PlannedPartition[] {
  const { sizeBytes, sectorBytes, path } = disk;
  const before: [PlannedPartition['role'], number][] = [];
  if (layout === 'gpt-efi') {
    before.push(['esp', checkedEsp(parseSize(efiSize), sectorBytes)]);
    if (swapSize !== undefined) before.push(['swap', parseSize(swapSize)]);
  }
  if (layout === 'gpt-bios') before.push(['bios', MiB]);
  const partitions: PlannedPartition[] = [];
  let at = align;
  for (const [role, bytes] of before) {
    const size = Math.ceil(bytes / align) * align;
    partitions.push({
      number: partitions.length + 1,
      role,
      start: at / sectorBytes,
      size: size / sectorBytes,
    });
    at += size;
  }
  // The last MiB has the backup of the GPT.
  const end = Math.floor(sizeBytes / align) * align - align;
  if (end - at < (leastOf[filesystem] ?? leastBytes)) {
    throw new AppError(
      'disk.mismatch',
      `${path} has ${sizeBytes} bytes, too few for the layout ${layout} with ${filesystem}; choose a larger disk`,
    );
  }
  const root = { start: at / sectorBytes, size: (end - at) / sectorBytes };
  return [...partitions, { number: partitions.length + 1, role: 'root', ...root }];
}

/** Firmware wants FAT32, which needs 65,525 clusters of at least a sector. */
function checkedEsp(bytes: number, sectorBytes: number): number {
  const least = (sectorBytes === 4096 ? 260 : 33) * MiB;
  if (bytes >= least) return bytes;
  throw new AppError(
    'action.invalid',
    `efi_size must be at least ${least / MiB}M on a disk with sectors of ${sectorBytes} bytes`,
  );
}

/** The partitions as sfdisk takes them on its standard input. Source: sfdisk(8), "named-fields format". */
export function sfdiskScript(partitions: readonly PlannedPartition[]): string {
  const lines = partitions.map(
    ({ number, role, start, size }) =>
      `${number} : start=${start}, size=${size}, type=${partitionTypes[role]}`,
  );
  return `label: gpt\nunit: sectors\n${lines.join('\n')}\n`;
}
