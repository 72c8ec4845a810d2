// The one disk that the actions of a workflow are about: the planned one, wherever it is now, or a
// refusal. A machine whose disks do not match the plan is never written to.
import { AppError } from '../../core/errors.ts';
import type { Disk } from '../../model/hardware/disk.ts';
import type { PlannedDisk } from '../../model/documents/planned-disk.ts';

/** An action's description of its disk. */
export interface WantedDisk {
  readonly disk?: string | undefined;
  readonly root_device?: unknown;
}

/** The disk of this machine that the plan means. Names of an earlier boot prove nothing where another disk looks
 *  the same. Errors: AppError `disk.mismatch`. */
export function findPlanned(plan: PlannedDisk, disks: readonly Disk[], bootId?: string): Disk {
  const { boot_id: plannedIn } = plan;
  if (typeof plannedIn === 'string' && plannedIn !== bootId) {
    throw mismatch(
      `the planned disk is ${describe(plan)}, another one looks the same, and the machine was started anew since; plan it again while the machine runs`,
      disks,
    );
  }
  const isNamed = plan.serial !== null || plan.wwn !== null;
  const matches = disks.filter((disk) =>
    isNamed ? hasIdentity(disk, plan) : isAtPlace(disk, plan),
  );
  const [first] = matches;
  // Several paths to one disk are one disk.
  const isOne = matches.every((disk) => disk === first || first?.paths.includes(disk.device));
  // The server knows of none that looks the same, or it would name the boot.
  const isAlone = !isNamed && plannedIn === undefined;
  const twin = disks.find(
    (disk) => disk !== first && first?.paths.includes(disk.device) === false && isLike(disk, plan),
  );
  if (isAlone && twin !== undefined) {
    throw mismatch(
      `the planned disk is ${describe(plan)}, and ${twin.device} looks the same now; plan it again while the machine runs`,
      disks,
    );
  }
  if (first !== undefined && isOne) {
    return writable(matches.find(({ device }) => device === plan.device) ?? first);
  }
  const found = first === undefined ? 'it is not here' : `${matches.length} disks look like it`;
  throw mismatch(`the planned disk is ${describe(plan)}, and ${found}`, disks);
}

/** Without a plan (an older server makes none): the disk that an action names, or for "auto" the only one
 *  that there is. Errors: AppError `disk.mismatch`. */
export function findUnplanned(
  { disk: wanted = 'auto', root_device: hints }: WantedDisk,
  disks: readonly Disk[],
): Disk {
  const candidates = disks.filter(isCandidate);
  if (hints !== undefined) {
    throw mismatch('root_device names a disk by hints, and the server planned none', disks);
  }
  if (wanted !== 'auto') {
    const named = disks.find(({ device }) => device === wanted);
    if (named === undefined) throw mismatch(`there is no disk ${wanted}`, disks);
    if (!isCandidate(named)) throw mismatch(`${wanted} is not a disk to install to`, disks);
    return named;
  }
  const [only] = candidates;
  if (
    only !== undefined &&
    candidates.every((disk) => only === disk || only.paths.includes(disk.device))
  ) {
    return only;
  }
  throw mismatch(
    candidates.length === 0
      ? 'there is no disk to install to'
      : 'there are several disks to install to, and the server planned none: name one in the template',
    disks,
  );
}

function hasIdentity(disk: Disk, plan: PlannedDisk): boolean {
  const isSame = (planned: string | null, found: string | null): boolean =>
    planned === null || planned === found;
  return (
    isSame(plan.serial, disk.serial) &&
    isSame(plan.wwn, disk.wwn) &&
    disk.size_bytes === plan.size_bytes
  );
}

function isAtPlace(disk: Disk, plan: PlannedDisk): boolean {
  return disk.device === plan.device && isLike(disk, plan);
}

function isLike(disk: Disk, plan: PlannedDisk): boolean {
  return (
    disk.size_bytes === plan.size_bytes &&
    disk.model === plan.model &&
    // One that has become distinguishable is another one.
    disk.serial === null &&
    disk.wwn === null
  );
}

function isCandidate(disk: Disk): boolean {
  return reasonAgainst(disk) === undefined && !disk.removable && disk.transport !== 'usb';
}

function writable(disk: Disk): Disk {
  const reason = reasonAgainst(disk);
  if (reason === undefined) return disk;
  throw mismatch(`the planned disk ${disk.device} is ${reason}`, [disk]);
}

/** The reason why nothing is written to a disk, even where it is planned. */
function reasonAgainst({ read_only: isReadOnly, virtual_media: isLent, zoned }: Disk) {
  if (isLent) return 'virtual media';
  if (isReadOnly) return 'read-only';
  return zoned === 'host-managed' ? 'host-managed zoned' : undefined;
}

function describe(disk: PlannedDisk): string {
  const parts = [
    disk.device,
    disk.model,
    disk.serial === null ? null : `serial ${disk.serial}`,
    disk.wwn === null ? null : `WWN ${disk.wwn}`,
    `${disk.size_bytes} bytes`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

function mismatch(reason: string, disks: readonly Disk[]): AppError {
  const list = disks.map((disk) => describe(disk)).join('; ') || 'none';
  return new AppError(
    'disk.mismatch',
    `${reason}. Nothing was written. Disks of this machine: ${list}`,
  );
}
