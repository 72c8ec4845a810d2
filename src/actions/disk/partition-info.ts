// Reads the output of blkid for a partition or a disk. Pure but for asking.
import { isAppError } from '../../core/errors.ts';
import type { Host, RunOptions } from '../../sources/writing/host.ts';

export interface PartitionInfo {
  readonly device: string;
  /** "ext4", "vfat", "LVM2_member", …; undefined where nothing is known to be on it. */
  readonly type: string | undefined;
  /** "gpt", "dos": of the partition table that is on it. */
  readonly table: string | undefined;
  readonly uuid: string | undefined;
  readonly label: string | undefined;
  /** Lower case; of an MBR "0xef". */
  readonly partitionType: string | undefined;
  /** Lower case. */
  readonly partitionUuid: string | undefined;
  /** The partition's name in a GPT. */
  readonly partitionLabel: string | undefined;
  /** Other names of the device file of a logical volume. */
  readonly otherNames?: readonly string[];
}

const espTypes = new Set(['c12a7328-f81f-11d2-ba4b-00a0c93ec93b', '0xef']);

/** Reads the device itself, whatever some cache says. Errors: AppError `exec.*`. */
export async function readInfo(
  host: Host,
  device: string,
  options: RunOptions,
): Promise<PartitionInfo> {
  const fields = await ask(host, device, options);
  return {
    device,
    type: fields.get('TYPE'),
    table: fields.get('PTTYPE'),
    uuid: fields.get('UUID'),
    label: fields.get('LABEL'),
    partitionType: fields.get('PART_ENTRY_TYPE')?.toLowerCase(),
    partitionUuid: fields.get('PART_ENTRY_UUID')?.toLowerCase(),
    partitionLabel: fields.get('PART_ENTRY_NAME'),
  };
}

export function isEsp({ partitionType = '' }: PartitionInfo): boolean {
  return espTypes.has(partitionType);
}

/** blkid ends with 2 where it finds nothing. */
async function ask(
  host: Host,
  device: string,
  options: RunOptions,
): Promise<ReadonlyMap<string, string>> {
  try {
    return parseExport(await host.run('blkid', ['--probe', '--output', 'export', device], options));
  } catch (err) {
    if (isAppError(err, 'exec.failed') && err.details['code'] === 2) return new Map();
    throw err;
  }
}

/** Source: blkid(8), output format "export": KEY=value, with backslashes before what a shell would take for
 *  its own. */
function parseExport(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^([A-Z_0-9]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) fields.set(key, value.replaceAll(/\\(.)/g, '$1'));
  }
  return fields;
}
