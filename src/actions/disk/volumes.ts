// The logical volumes of one disk, active for as long as they are used. LVM is shown the members on that disk and
// no others: volume groups of other disks, copies of this one among them, are neither read nor activated.
import { AppError } from '../../core/errors.ts';
import type { Host, RunOptions } from '../../sources/writing/host.ts';
import { toTheEnd } from '../action.ts';
import { readInfo, type PartitionInfo } from './partition-info.ts';

/** Nothing is written beside, and the device files are made although no udev runs. */
const config = 'backup{backup=0 archive=0} activation{udev_sync=0 udev_rules=0 monitoring=0}';
const env = { LVM_SUPPRESS_FD_WARNINGS: '1' };

export class Volumes {
  readonly #host: Host;
  #members: readonly string[] = [];
  /** Those to take down again. */
  #groups: readonly string[] = [];

  constructor(host: Host) {
    this.#host = host;
  }

  /** The volumes of the groups whose members are these partitions.
   *  Errors: AppError `disk.mismatch` for a group that reaches other disks; `exec.*`. */
  async open(members: readonly string[], options: RunOptions): Promise<readonly PartitionInfo[]> {
    this.#members = members;
    const columns = 'vg_name,vg_missing_pv_count,lv_name,lv_uuid,lv_active,vg_uuid,lv_dm_path';
    const report = ['--reportformat', 'json', '--options', columns];
    const listed = parseReport(await this.#lvm('lvs', report, options));
    const partial = listed.find((volume) => volume.vg_missing_pv_count !== '0');
    if (partial !== undefined) {
      throw new AppError(
        'disk.mismatch',
        `the volume group ${partial.vg_name} on ${members.join(', ')} reaches other disks, which this workflow leaves alone`,
      );
    }
    const groups = groupsOf(listed);
    // The running system may use such a group.
    const wereActive = groupsOf(listed.filter((volume) => volume.lv_active === 'active'));
    this.#groups = groups.filter((group) => !wereActive.includes(group));
    await this.#change('y', groups, options);
    const infos: PartitionInfo[] = [];
    for (const volume of listed) {
      const info = await readInfo(this.#host, volume.lv_dm_path, options);
      infos.push({ ...info, otherNames: namesOf(volume) });
    }
    return infos;
  }

  /** Takes them down again, except for groups that had an active volume before. Errors: AppError `exec.*`. */
  async close(): Promise<void> {
    await this.#change('n', this.#groups, toTheEnd);
    this.#groups = [];
  }

  async #change(to: 'y' | 'n', groups: readonly string[], options: RunOptions): Promise<void> {
    if (groups.length === 0) return;
    await this.#lvm('vgchange', ['--activate', to, ...groups], options);
  }

  #lvm(command: string, args: readonly string[], options: RunOptions): Promise<string> {
    const own = ['--devices', this.#members.join(','), '--config', config];
    return this.#host.run('lvm', [command, ...own, ...args], { ...options, env });
  }
}

interface Volume {
  readonly vg_name: string;
  readonly vg_missing_pv_count: string;
  readonly lv_name: string;
  readonly lv_uuid: string;
  /** "active", or empty. */
  readonly lv_active: string;
  readonly vg_uuid: string;
  /** "/dev/mapper/rl-root" */
  readonly lv_dm_path: string;
}

/** Source: lvmreport(7), --reportformat json: all values are text. */
function parseReport(text: string): readonly Volume[] {
  const { report = [] }: { readonly report?: readonly { readonly lv?: readonly Volume[] }[] } =
    JSON.parse(text);
  return report.flatMap(({ lv = [] }) => lv);
}

function groupsOf(volumes: readonly Volume[]): readonly string[] {
  return [...new Set(volumes.map(({ vg_name: name }) => name))];
}

/** The names by which an fstab may call a volume. Source: 13-dm-disk.rules of dmsetup. */
function namesOf(volume: Volume): string[] {
  const bare = (uuid: string): string => uuid.replaceAll('-', '');
  const mapped = volume.lv_dm_path.replace('/dev/mapper/', '');
  return [
    `/dev/${volume.vg_name}/${volume.lv_name}`,
    `/dev/disk/by-id/dm-name-${mapped}`,
    `/dev/disk/by-id/dm-uuid-LVM-${bare(volume.vg_uuid)}${bare(volume.lv_uuid)}`,
  ];
}
