// Recognises what a piece of a device holds. Pure: the capture uses it to keep no more than that.
import type { Details } from './signatures.ts';
import { signatures } from './signatures.ts';
import { Fields, type Piece, type Span } from './fields.ts';
import { partitionTables, typeSpans } from './partition-table.ts';
import { readVolumeGroup, volumeGroupRange } from './volume-group.ts';

export interface Finding extends Details {
  type: string;
}

export interface Recognised {
  findings: Finding[];
  /** The bytes that are accounted for. */
  known: Span[];
  /** Those of them that people chose. */
  names: Span[];
}

/** One of each type: arrays, pools and partition tables have several copies of theirs. */
export function recognise(piece: Piece): Recognised {
  const found = new Map<string, Finding>();
  const known: Span[] = [];
  const names: Span[] = [];
  const note = (finding: Finding | undefined, fields: Fields): void => {
    if (finding !== undefined && !found.has(finding.type)) found.set(finding.type, finding);
    known.push(...fields.spans);
    names.push(...fields.names);
  };
  const { offset, bytes } = piece;
  for (const { type, from, at, magic, base, details } of signatures) {
    const begin = from === 'device' ? -offset : from === 'end' ? bytes.length : 0;
    if (!holds(bytes, begin + at, magic)) continue;
    const fields = new Fields(bytes);
    fields.take(begin + at, magic.length);
    const told = details === undefined ? {} : details(fields, begin + base);
    if (told !== undefined) note({ type, ...told }, fields);
  }
  const isBootSector = ['vfat', 'ntfs', 'exfat', 'ReFS', 'BitLocker'].some((t) => found.has(t));
  for (const { type, isEmpty, fields } of isBootSector ? [] : partitionTables(piece)) {
    note(isEmpty ? undefined : { type }, fields);
  }
  known.push(...typeSpans(piece));
  const metadata = volumeGroupRange(piece);
  if (metadata !== undefined) note(undefined, metadata.fields);
  const group = readVolumeGroup(bytes);
  if (group !== undefined) note({ type: volumeGroup, ...group.details }, group.fields);
  return { findings: [...found.values()], known, names };
}

/** As recognise, for a piece that may also be of a volume within the device: its start, or one of the places that
 *  are told from it. */
export function recogniseWithin(piece: Piece): Recognised {
  const offsets = new Set([piece.offset, ...startsWithin]);
  const all = [...offsets].map((offset) => recognise({ ...piece, offset }));
  return {
    findings: all.flatMap(({ findings }) => findings),
    known: all.flatMap(({ known }) => known),
    names: all.flatMap(({ names }) => names),
  };
}

/** The superblocks of ext and XFS, the first area of LVM, and the superblock of btrfs. */
const startsWithin = [0, 4096, 65_536];

/** The type of a finding that is part of another, LVM2_member. */
export const volumeGroup = 'LVM2 volume group';

/** True if nothing but zeros, or nothing but ones (erased flash), is beside what is known. */
export function isBlank(bytes: Uint8Array, known: readonly Span[] = []): boolean {
  return firstOf(bytes, known, 0x00) === -1 || firstOf(bytes, known, 0xff) === -1;
}

/** The position of the first byte that is not `fill`, beside what is known; -1 if there is none. */
export function firstOf(bytes: Uint8Array, known: readonly Span[], fill: number): number {
  let rest = bytes;
  if (known.length > 0) {
    rest = Uint8Array.from(bytes);
    for (const span of known) rest.fill(fill, ...span);
  }
  return rest.findIndex((byte) => byte !== fill);
}

function holds(bytes: Uint8Array, at: number, magic: string): boolean {
  if (at < 0 || at + magic.length > bytes.length) return false;
  for (let i = 0; i < magic.length; i++) {
    if (bytes[at + i] !== magic.charCodeAt(i)) return false;
  }
  return true;
}
