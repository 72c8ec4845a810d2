// The superblock of a member of a Linux RAID (md), version 1. Pure.
import type { Fields } from './fields.ts';

export interface ArrayMember {
  /** The id that all members of the array have. */
  uuid: string | undefined;
  /** "node7:0" */
  name: string | undefined;
  /** -1 for linear, 0, 1, 4, 5, 6, 10. */
  level: number;
  /** The number of devices in it. */
  members: number;
  /** The array's data on this device begins at this byte. */
  start: number;
  /** The member with the most of these was written last. */
  events: number;
  /** It holds its part of the array in full: no spare, none that failed or is being rebuilt. */
  isInSync: boolean;
}

/** Flags of a member that does not have all that it should: it is being rebuilt or replaced, has bad blocks, or its
 *  layout changes. */
const unfit = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80;

/** Undefined for a superblock of another version. Source: linux/raid/md_p.h, mdp_superblock_1. */
export function readArrayMember(fields: Fields, base: number): ArrayMember | undefined {
  if (fields.u32(base + 4) !== 1) return undefined;
  const members = fields.u32(base + 92);
  const number = fields.u32(base + 160);
  // The roles of at most 384 devices follow in two bytes each.
  const [low = 0, high = 0] = number < 384 ? fields.take(base + 256 + 2 * number, 2) : [0xff, 0xff];
  return {
    uuid: fields.uuid(base + 16),
    name: fields.name(base + 32, 32),
    level: fields.u32(base + 72) | 0,
    members,
    start: fields.u64(base + 128) * 512,
    events: fields.u64(base + 200),
    isInSync: low + 256 * high < members && (fields.u32(base + 8) & unfit) === 0,
  };
}
