// The metadata of an LVM volume group, which names its members. Pure.
import { Fields, type Piece } from './fields.ts';
import type { Details } from './signatures.ts';

/** The metadata begins within this many bytes of the device. */
const firstArea = 4096;
const areaMagic = ' LVM2 x[5A%r0N*>';
/** Enough for the names of hundreds of members. */
const textLength = 16_384;

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
  return { range: { offset: start + offset, length: Math.min(size, textLength) }, fields };
}

/** Name, id and number of members, from the text of the metadata. Its length in a capture stays the same. */
export function readVolumeGroup(
  bytes: Uint8Array,
): { details: Details; fields: Fields } | undefined {
  // Most pieces are something else, and decoding them takes time.
  if (bytes.indexOf(0x7b) === -1 || !isNameByte(bytes[0])) return undefined;
  const fields = new Fields(bytes);
  const text = fields.ascii(0, bytes.length);
  fields.spans.pop();
  const [opening, name, id] =
    /^([\w.+-]{1,128}) \{\nid = "([A-Za-z0-9]{6}(?:-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6})"/.exec(
      text,
    ) ?? [];
  if (opening === undefined || name === undefined) return undefined;
  fields.take(0, opening.length);
  fields.name(0, name.length);
  const members = [...text.matchAll(/\npv\d+ \{/g)];
  for (const { index, 0: opens } of members) fields.take(index, opens.length);
  return { details: { label: name, group: id, members: members.length || undefined }, fields };
}

function isNameByte(byte: number | undefined): boolean {
  return byte !== undefined && /[\w.+-]/.test(String.fromCharCode(byte));
}
