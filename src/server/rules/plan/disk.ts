// Chooses the one disk that a workflow is about, or says why it may not be written. Pure.
import { isLocal } from '../../../identity/traits.ts';
import { stringifyExact } from '../../../core/text/exact-json.ts';
import { AppError } from '../../../core/errors.ts';
import type { DiskContents } from '../../../model/hardware/contents.ts';
import type { PlannedDisk } from '../../../model/documents/planned-disk.ts';
import type { StoredDisk } from '../../../model/hardware/disk.ts';
import type { StoredOs } from '../../../model/hardware/existing-os.ts';
import { barePath, bareWwn, difference, isByName, matches, unquoted, type Hints } from './hints.ts';

/** A template's description of its disk. */
export interface Wanted {
  /** "auto", or a device: /dev/sda. */
  readonly device: string;
  readonly hints: Hints | undefined;
}

export interface Found {
  /** As the machine's agent told them. */
  readonly disks: readonly StoredDisk[];
  readonly existingOs: StoredOs | null;
  /** The reason why some disks are not known to be blank, although the machine's agent looks; undefined where
   *  it told everything, or never does. */
  readonly unread?: string | undefined;
}

export interface Permissions {
  /** The workflow writes the disk as a whole. */
  readonly overwrites: boolean;
  /** True if the data on the disk may be lost. */
  readonly reimage: boolean;
}

/** Ironic's own lower bound: smaller media are seldom meant. */
const leastBytes = 4 * 2 ** 30;

/** Intel's Optane Memory, which caches the disk beside it. */
const caches = /^INTEL (?:MEMPEK|HBRPEK\w+O$)/;

/** True for disks that other machines may write too, cards in a slot, and caches: taken where there is nothing else. */
function isLastResort(disk: StoredDisk): boolean {
  return !isLocal(disk) || disk.transport === 'sd' || caches.test(disk.model ?? '');
}

/** Errors: AppError `plan.no-disk`, `plan.ambiguous`, `plan.has-data`, `plan.unread`,
 *  `machine.has-os`. */
export function chooseDisk(wanted: Wanted, found: Found, may: Permissions): StoredDisk {
  const isNamed = wanted.hints !== undefined && isByName(wanted.hints);
  const fitting = candidates(wanted, found.disks, isNamed);
  const [disk] = fitting;
  if (disk === undefined) throw noDisk(wanted, found.disks, isNamed);
  if (isNamed) {
    const named = 'the serial or WWN that root_device names, as namespaces of one controller do';
    refuseNamesakes(disk, fitting, named);
  } else if (wanted.device !== 'auto') {
    refuseNamesakes(disk, fitting, `the name ${wanted.device}`);
  }
  if (may.overwrites && !isNamed) {
    refuseSharedGroup(disk, found.disks);
    if (wanted.device === 'auto') refuseTwin(disk, fitting, found);
    if (!may.reimage) refuseData(disk, found);
  }
  return disk;
}

/** The disks that may be written, the preferred one first. */
export function candidates(
  wanted: Wanted,
  disks: readonly StoredDisk[],
  isNamed = false,
): StoredDisk[] {
  return disks
    .filter((disk) => reasonAgainst(disk, isNamed) === undefined && fits(wanted, disk))
    .toSorted(
      (a, b) =>
        Number(a.size_bytes < leastBytes) - Number(b.size_bytes < leastBytes) ||
        Number(isLastResort(a)) - Number(isLastResort(b)) ||
        compare(a.size_bytes, b.size_bytes) ||
        // The kernel may give a disk another name at its next boot, but not another serial. Namespaces have
        // one serial, and a WWN each.
        compare(a.serial ?? '', b.serial ?? '') ||
        compare(a.wwn ?? '', b.wwn ?? '') ||
        compare(a.device, b.device),
    );
}

/** The reason why a disk is never a target; undefined for one that may be. Fields that its agent did not
 *  report exclude nothing. A removable disk counts if its serial or WWN names it. */
function reasonAgainst(disk: StoredDisk, isNamed: boolean): string | undefined {
  if (disk.virtual_media === true) return 'virtual media';
  if (disk.read_only === true) return 'read-only';
  if (disk.zoned === 'host-managed') return 'host-managed zoned';
  if (Number(disk.size_bytes) === 0) return 'without a medium';
  if (isNamed) return undefined;
  if (disk.transport === 'usb') return 'on USB';
  return disk.removable === true ? 'removable' : undefined;
}

/** The disks of now that the planned one may be: by serial and WWN as far as the agent tells them, else by size and
 *  model. Namespaces have one serial, and a WWN each. */
export function asPlanned(planned: PlannedDisk, disks: readonly StoredDisk[]): StoredDisk[] {
  return disks.filter((disk) => {
    const names = [
      [planned.serial, disk.serial],
      [planned.wwn, disk.wwn ?? null],
    ].filter((pair) => !pair.includes(null));
    return names.length > 0
      ? names.every(([was, is]) => was === is)
      : disk.size_bytes === planned.size_bytes && disk.model === planned.model;
  });
}

/** The data on a disk as its agent told it: the contents, and the system that was found there. */
export function dataOn(disk: StoredDisk, { existingOs }: Found): string[] {
  const contents = (disk.contents ?? []).map(nameOfData);
  const os = existingOs !== null && holds(disk, existingOs) ? [existingOs.name] : [];
  return [...os, ...contents];
}

/** True if a device is this disk, a partition of it, or one of its paths, by the kernel's names. */
export function isPartOf(device: string, disk: Pick<StoredDisk, 'device' | 'paths'>): boolean {
  return [disk.device, ...(disk.paths ?? [])].some((whole) => {
    const rest = device.startsWith(whole) ? device.slice(whole.length) : undefined;
    const isNumbered = /\d$/.test(whole) ? /^(p\d+)?$/ : /^\d*$/;
    return rest !== undefined && isNumbered.test(rest);
  });
}

/** A system on a device that is no partition (a mapping, an array) may be on any disk. */
export function holds(disk: Pick<StoredDisk, 'device' | 'paths'>, { device }: StoredOs): boolean {
  return isPartOf(device, disk) || !/^\/dev\/(sd|vd|xvd|hd|nvme|mmcblk)/.test(device);
}

function fits({ device, hints }: Wanted, disk: StoredDisk): boolean {
  if (hints !== undefined && matches(hints, disk) !== true) return false;
  return device === 'auto' || isCalled(device, disk);
}

/** True for the kernel's name of a disk, of a path to it, and for those of udev's that stay over a boot. */
function isCalled(name: string, disk: StoredDisk): boolean {
  const { device, paths = [], by_path: byPath, wwn } = disk;
  if (name === device || paths.includes(name)) return true;
  const [, folder, link = ''] = /^\/dev\/disk\/(by-path|by-id)\/(.+)$/.exec(name) ?? [];
  if (folder === 'by-path') return barePath(link) === barePath(byPath ?? '');
  const hasWwn = folder === 'by-id' && wwn !== undefined && wwn !== null;
  if (hasWwn && bareWwn(link.replace(/^nvme-/, '')) === bareWwn(wwn)) return true;
  return folder === 'by-id' && hasModelAndSerial(link, disk);
}

/** True for udev's link by model and serial: "ata-MODEL_SERIAL". Source: udev's 60-persistent-storage.rules, where
 *  whatever has no place in a name becomes "_". */
function hasModelAndSerial(link: string, { model, serial }: StoredDisk): boolean {
  const [, name = ''] = /^(?:ata|nvme|scsi|usb|mmc|virtio)-(.+)$/.exec(link) ?? [];
  const plain = (text: string): string => text.trim().replaceAll(/[^\w#+\-.:=@]+/g, '_');
  if (serial === null || plain(serial) === '') return false;
  // A virtual disk has no model there, and 20 characters of its serial.
  if (link.startsWith('virtio-')) return name === plain(serial).slice(0, 20);
  return model !== null && name === `${plain(model)}_${plain(serial)}`;
}

function noDisk(
  { device, hints }: Wanted,
  disks: readonly StoredDisk[],
  isNamed: boolean,
): AppError {
  const named = device === '' ? '""' : device;
  const sought =
    hints !== undefined ? stringifyExact(hints) : device === 'auto' ? 'any disk' : named;
  const [unfilled] = /\{\{.*?\}\}/.exec(device) ?? [];
  if (unfilled !== undefined) {
    return new AppError(
      'plan.no-disk',
      `the template names ${unfilled} as its disk, which is not a variable: write "auto", a device, or hints in root_device`,
    );
  }
  const each = disks.map(
    (disk) => `${disk.device} ${excluded(disk, isNamed) ?? unfit({ device, hints }, disk)}`,
  );
  const why = each.length === 0 ? 'its agent reported no disks' : each.join(', ');
  const bare = hints === undefined ? [] : unquoted(hints);
  const quotes = bare.length === 0 ? '' : `; put quotes around ${bare.join(', ')} in the template`;
  return new AppError(
    'plan.no-disk',
    `no disk of the machine can be written as ${sought}: ${why}${quotes}`,
  );
}

function excluded(disk: StoredDisk, isNamed: boolean): string | undefined {
  const reason = reasonAgainst(disk, isNamed);
  return reason === undefined ? undefined : `is ${reason}`;
}

/** Says why a disk that could be written is not the one that is sought. */
function unfit({ device, hints }: Wanted, disk: StoredDisk): string {
  const isUntold = hints !== undefined && matches(hints, disk) === undefined;
  if (isUntold) return 'is one of which its agent did not tell that';
  const differs = hints === undefined ? undefined : difference(hints, disk);
  if (differs !== undefined) return differs;
  return isPartOf(device, disk) && device !== disk.device
    ? 'is the disk of that partition: name the disk'
    : 'is another one';
}

function refuseData(disk: StoredDisk, found: Found): void {
  const { existingOs } = found;
  if (existingOs !== null && holds(disk, existingOs)) {
    throw new AppError(
      'machine.has-os',
      `${disk.device} holds ${existingOs.name}; repeat with "reimage": true to overwrite it, or name the disk by serial or WWN in root_device`,
      { details: { existing_os: existingOs } },
    );
  }
  const data = dataOn(disk, found);
  if (data.length === 0) {
    refuseUnread(disk, found);
    return;
  }
  throw new AppError(
    'plan.has-data',
    `${disk.device} holds ${data.join(', ')}; repeat with "reimage": true to overwrite it, or name the disk by serial or WWN in root_device`,
    { details: { device: disk.device, contents: disk.contents ?? [] } },
  );
}

/** Nobody can say that a disk is empty whose agent looked and could not tell. */
function refuseUnread(disk: StoredDisk, { unread }: Found): void {
  if (disk.contents !== undefined || unread === undefined) return;
  throw new AppError(
    'plan.unread',
    `it is not known what ${disk.device} holds (${unread}); let the machine check in again, or repeat with "reimage": true to overwrite the disk, or name it by serial or WWN in root_device`,
    { details: { device: disk.device } },
  );
}

/** Refuses a disk that looks like another one with data: the kernel's names for them prove nothing. */
function refuseTwin(disk: StoredDisk, fitting: readonly StoredDisk[], found: Found): void {
  const hasData = (d: StoredDisk): boolean => dataOn(d, found).length > 0;
  const twin = fitting.find(
    (other) =>
      other !== disk &&
      other.size_bytes === disk.size_bytes &&
      other.model === disk.model &&
      hasData(other) !== hasData(disk),
  );
  if (twin === undefined) return;
  throw new AppError(
    'plan.ambiguous',
    `${disk.device} and ${twin.device} are alike, and one of them holds data: name the disk by serial or WWN in root_device`,
    { details: { devices: [disk.device, twin.device] } },
  );
}

/** Refuses a name that several disks have: whose data may be lost, nobody has said. */
function refuseNamesakes(disk: StoredDisk, fitting: readonly StoredDisk[], shared: string): void {
  const paths = disk.paths ?? [];
  const others = fitting.filter((other) => other !== disk && !paths.includes(other.device));
  if (others.length === 0) return;
  const devices = [disk, ...others].map(({ device }) => device);
  throw new AppError(
    'plan.ambiguous',
    `${devices.join(', ')} all have ${shared}: add a hint to root_device that tells them apart, such as wwn or size`,
    { details: { devices } },
  );
}

/** Formats that span machines: a superblock does not state the number of members. */
const clustered: ReadonlySet<string> = new Set(['ceph_bluestore', 'drbd', 'gfs2', 'ocfs2']);

/** An array, volume group, pool or cluster that reaches another disk would be broken there. */
function refuseSharedGroup(disk: StoredDisk, disks: readonly StoredDisk[]): void {
  // The same disk by another path.
  const paths = disk.paths ?? [];
  const others = disks.filter((other) => other !== disk && !paths.includes(other.device));
  const shared = (disk.contents ?? []).find(
    ({ type, group, members }) =>
      (members ?? 1) > 1 ||
      clustered.has(type) ||
      (group !== undefined &&
        group !== null &&
        others.some(({ contents }) => contents?.some((other) => other.group === group))),
  );
  if (shared === undefined) return;
  throw new AppError(
    'plan.has-data',
    `${disk.device} is part of ${nameOfData(shared)}, which reaches other disks: name the disk by serial or WWN in root_device to break it`,
    { details: { device: disk.device, contents: disk.contents ?? [] } },
  );
}

export function nameOfData({ device, type, label }: DiskContents): string {
  return `${type}${label === undefined || label === null ? '' : ` "${label}"`} on ${device}`;
}

function compare<T extends string | number | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
