// Finds where the volumes within arrays and volume groups begin on their devices. What a system may be installed
// on and has no such place is a problem. Pure but for reporting.
import type { VolumeGroup } from '../contents/volume-group.ts';
import type { Reading } from '../reading.ts';
import type { Hiding } from './superblock.ts';

/** A place where a file system may be: a device that the kernel has, or a part of one from `offset` on. */
export interface Place {
  device: string;
  offset: number;
  /** The names that the installed system has for it. */
  names: readonly string[];
  /** 0 for a device. A logical volume that was made earlier comes first: a host is older than its guests. */
  order: number;
  kind: 'device' | 'partition' | 'array' | 'logical volume';
  /** The kernel has opened what is inside: it is a device of its own. */
  isHeld: boolean;
}

/** A place that may hide a system. */
export interface Hidden extends Hiding {
  place: Place;
  group: VolumeGroup | undefined;
}

/** The places within those that hide something. What the kernel has opened is left out: it is a device of its own. */
export function placesWithin(read: Reading, hidden: readonly Hidden[]): Place[] {
  const groups = newestOf(hidden.flatMap(({ group }) => group ?? []));
  const arrays = Map.groupBy(hidden, ({ array }) => array?.uuid);
  const members = new Map(hidden.map((one) => [one.member, one]));
  const places: Place[] = [];
  const seen = new Set<Hidden>();
  for (const [uuid, all] of arrays) {
    if (uuid === undefined) continue;
    for (const one of all) seen.add(one);
    if (all.some(({ place }) => place.isHeld)) continue;
    const place = mirrorOf(all);
    if (place !== undefined) places.push(place);
    else all.forEach((one) => reportHidden(read, one));
  }
  for (const group of groups) {
    const own = [...group.members.values()].map(({ id }) => members.get(id));
    for (const one of own) if (one !== undefined) seen.add(one);
    if (!own.some((one) => one?.place.isHeld)) places.push(...volumesOf(read, group, members));
  }
  for (const one of hidden) if (!seen.has(one) && !one.place.isHeld) reportHidden(read, one);
  return places;
}

/** The members of a group that was changed while one of them was away do not agree. */
function newestOf(groups: readonly VolumeGroup[]): VolumeGroup[] {
  return [...Map.groupBy(groups, ({ id }) => id).values()].flatMap(
    (all) => all.toSorted((a, b) => b.sequence - a.sequence)[0] ?? [],
  );
}

/** Each member of a mirror holds all of it; the one that was written last is right. */
function mirrorOf(all: readonly Hidden[]): Place | undefined {
  const [newest] = all
    .filter(({ array }) => array?.level === 1 && array.isInSync)
    .toSorted((a, b) => (b.array?.events ?? 0) - (a.array?.events ?? 0));
  if (newest?.array === undefined) return undefined;
  const { place, array } = newest;
  const name = array.name?.replace(/^.*:/, '') ?? '';
  const names = [`/dev/md/${name}`, `/dev/md${name}`];
  return { ...place, offset: place.offset + array.start, names, kind: 'array' };
}

function volumesOf(
  read: Reading,
  group: VolumeGroup,
  members: ReadonlyMap<string | undefined, Hidden>,
): Place[] {
  const missed: string[] = [];
  const places = group.volumes.flatMap(({ name, place }, i): Place[] => {
    const on = members.get(group.members.get(place?.member ?? '')?.id)?.place;
    if (place === undefined || on === undefined) {
      missed.push(name);
      return [];
    }
    const names = [
      `/dev/${group.name}/${name}`,
      `/dev/mapper/${mapped(group.name)}-${mapped(name)}`,
    ];
    const offset = on.offset + place.offset;
    return [{ ...on, offset, names, order: i + 1, kind: 'logical volume' }];
  });
  if (missed.length > 0 || !group.isWhole) {
    const why = group.isWhole
      ? `volumes that are not in one piece on one disk here (${shown(missed)})`
      : 'more volumes than were read';
    const message = `the volume group ${group.name} has ${why}, which are not looked into: a system may be installed on them`;
    read.problem('probe.opaque', group.name, message);
  }
  return places;
}

/** device-mapper's names separate group and volume by a dash. */
function mapped(name: string): string {
  return name.replaceAll('-', '--');
}

const maxShown = 5;

function shown(names: readonly string[]): string {
  const more = names.length - maxShown;
  return names.slice(0, maxShown).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Says that a system may be where nothing looks. */
export function reportHidden(read: Reading, { place, what }: Hidden): void {
  const { device, kind, offset } = place;
  const where = offset === 0 ? device : `the ${kind} at byte ${offset} of ${device}`;
  const message = `${where} is ${what}, which is not looked into: a system may be installed on it`;
  read.problem('probe.opaque', offset === 0 ? device : `${device}@${offset}`, message);
}
