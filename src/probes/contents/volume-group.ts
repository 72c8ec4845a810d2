// The metadata of an LVM volume group, which names its members and says where its volumes are. Pure.
import { Fields, type Piece } from './fields.ts';
import { readSections, type Section } from './lvm-text.ts';
import type { Details } from './signatures.ts';

/** The metadata begins within this many bytes of the device. */
const firstArea = 4096;
const areaMagic = ' LVM2 x[5A%r0N*>';
/** Enough for hundreds of members and volumes. */
const textLength = 131_072;

/** The place of the newest metadata, told by the header of the first area; undefined where there is none.
 *  Source: lvm2 lib/format_text/layout.h: mda_header, raw_locn. */
export function volumeGroupRange(
  head: Piece,
): { range: { offset: number; length: number }; fields: Fields } | undefined {
  const at = firstArea - head.offset;
  const fields = new Fields(head.bytes);
  if (at < 0 || fields.ascii(at + 4, areaMagic.length) !== areaMagic) return undefined;
  const [start, offset, size] = [24, 40, 48].map((field) => fields.u64(at + field));
  if (!start || !offset || !size) return undefined;
  const place = start + offset;
  if (!Number.isSafeInteger(place)) return undefined;
  return { range: { offset: place, length: Math.min(size, textLength) }, fields };
}

/** A volume group as its metadata describes it. Sizes are in bytes. */
export interface VolumeGroup {
  name: string;
  id: string;
  /** Counts its changes. */
  sequence: number;
  /** By the names that the metadata has for them. */
  members: ReadonlyMap<string, { id: string; start: number }>;
  /** In the order in which they were made. */
  volumes: readonly LogicalVolume[];
  /** False where the text ends before its end: there may be more volumes. */
  isWhole: boolean;
}

interface LogicalVolume {
  name: string;
  /** The one place where all of it is, in its order; undefined where it is in several, or is more than a
   *  part of a member: a stripe, a mirror, a snapshot, a thin volume. */
  place: { member: string; offset: number } | undefined;
}

const idShape = /^[A-Za-z0-9]{6}(?:-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6}$/;

/** From the text of the metadata. Its length in a capture stays the same. */
export function readVolumeGroup(
  bytes: Uint8Array,
): { details: Details; group: VolumeGroup; fields: Fields } | undefined {
  // Most pieces are something else, and decoding them takes time.
  if (bytes.indexOf(0x7b) === -1 || !isNameByte(bytes[0])) return undefined;
  const fields = new Fields(bytes);
  const text = readSections(fields, bytes.length);
  const [[name, top] = []] = text?.top.sections ?? [];
  const id = top?.values.get('id')?.slice(1, -1) ?? '';
  if (text === undefined || name === undefined || top === undefined || !idShape.test(id)) {
    return undefined;
  }
  const members = membersOf(top);
  const group = { name, id, members, isWhole: text.isWhole, ...readVolumes(top, members) };
  return { details: { label: name, group: id, members: members.size || undefined }, group, fields };
}

function membersOf(top: Section): Map<string, { id: string; start: number }> {
  return new Map(
    within(top, 'physical_volumes').map(([name, { values }]) => [
      name,
      { id: (values.get('id') ?? '').slice(1, -1), start: numberOf(values, 'pe_start') * 512 },
    ]),
  );
}

function within(top: Section, name: string): Section['sections'] {
  return top.sections.find(([one]) => one === name)?.[1].sections ?? [];
}

function readVolumes(
  top: Section,
  members: VolumeGroup['members'],
): Pick<VolumeGroup, 'sequence' | 'volumes'> {
  const extentBytes = numberOf(top.values, 'extent_size') * 512;
  const volumes = within(top, 'logical_volumes')
    // The others are parts of these.
    .filter(([, volume]) => volume.values.get('status')?.includes('"VISIBLE"'))
    .map(([name, volume]) => ({ name, place: placeOf(volume, members, extentBytes) }));
  return { sequence: numberOf(top.values, 'seqno'), volumes };
}

function placeOf(
  { sections }: Section,
  members: VolumeGroup['members'],
  extentBytes: number,
): LogicalVolume['place'] {
  const [[, segment] = [], ...more] = sections;
  if (segment === undefined || more.length > 0 || extentBytes === 0) return undefined;
  const { values } = segment;
  const isPlain = values.get('type') === '"striped"' && numberOf(values, 'stripe_count') === 1;
  const [, member = '', extent] =
    /^\[\s*"([^"]+)", (\d{1,15})\s*\]$/.exec(values.get('stripes') ?? '') ?? [];
  const start = members.get(member)?.start;
  if (!isPlain || extent === undefined || start === undefined) return undefined;
  const offset = start + Number(extent) * extentBytes;
  return Number.isSafeInteger(offset) ? { member, offset } : undefined;
}

function numberOf(values: ReadonlyMap<string, string>, key: string): number {
  const value = values.get(key) ?? '';
  return /^\d{1,15}$/.test(value) ? Number(value) : 0;
}

function isNameByte(byte: number | undefined): boolean {
  return byte !== undefined && /[\w.+-]/.test(String.fromCharCode(byte));
}
