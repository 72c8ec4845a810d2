// The one disk of a workflow, held open from the moment that it is chosen. Whoever unplugs a disk frees its name, and
// the next one plugged in may get it: not while somebody has the first one open. (An SD card has its slot's name, which no
// open file keeps from the next card.)
import { AppError } from '../../core/errors.ts';
import type { Disk } from '../../model/hardware/disk.ts';
import type { PlannedDisk } from '../../model/documents/planned-disk.ts';
import type { BlockFile } from '../../sources/writing/block-file.ts';
import type { Host } from '../../sources/writing/host.ts';
import type { ActionContext } from '../action.ts';
import { findPlanned, findUnplanned, type WantedDisk } from './target.ts';

export interface DiskChoice {
  readonly host: Pick<Host, 'openDisk'>;
  /** The disks of the machine, as they are now; undefined when they could not be read. */
  readonly disks: () => Promise<readonly Disk[] | undefined>;
  /** The disk that the server planned; an older server plans none. */
  readonly planned: PlannedDisk | undefined;
  /** This boot's. */
  readonly bootId?: string | undefined;
}

export interface HeldDisk extends Pick<ActionContext, 'disk' | 'knownDisk'> {
  /** Lets go of it. */
  readonly close: () => Promise<void>;
}

/** The disk that the first action to ask for one is given, for all that ask later. What the actions of a
 *  planned workflow name, the server has looked at. */
export function holdOneDisk({ host, disks, planned, bootId }: DiskChoice): HeldDisk {
  let held: Promise<{ readonly disk: Disk; readonly file: BlockFile }> | undefined;
  const find = async (wanted: WantedDisk): Promise<Disk> => {
    const found = await disks();
    if (found === undefined) {
      throw new AppError('disk.mismatch', 'the disks of this machine cannot be read');
    }
    return planned === undefined
      ? findUnplanned(wanted, found)
      : findPlanned(planned, found, bootId);
  };
  const hold = async (wanted: WantedDisk) => {
    const disk = await find(wanted);
    const file = await host.openDisk(disk.device, 'read');
    try {
      // Another one may have got the name before it was held.
      if (isSame(await find(wanted), disk)) return { disk, file };
    } catch (err) {
      await file.close();
      throw err;
    }
    await file.close();
    throw new AppError(
      'disk.mismatch',
      `disks were plugged or unplugged while this workflow looked for ${disk.device}. Nothing was written; run it again`,
    );
  };
  return {
    async disk(wanted = {}) {
      held ??= hold(wanted);
      const { disk } = await held;
      const { disk: device = 'auto' } = wanted;
      if (planned !== undefined || device === 'auto' || device === disk.device) return disk;
      throw new AppError(
        'disk.mismatch',
        `an action names ${device}, but this workflow is about ${disk.device}: a workflow has one disk`,
      );
    },
    async knownDisk() {
      if (held !== undefined) return (await held).disk;
      return planned && (await find({}));
    },
    async close() {
      const last = await held?.catch(() => undefined);
      await last?.file.close();
    },
  };
}

function isSame(now: Disk, before: Disk): boolean {
  const { device, serial, wwn, size_bytes: size } = before;
  return (
    now.device === device && now.serial === serial && now.wwn === wwn && now.size_bytes === size
  );
}
