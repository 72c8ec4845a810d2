// Redacts a raw SMBIOS table. Structures that probes decode keep whatever describes the hardware; all
// others keep only type and length. No byte moves.
import { headerLength, locate } from '../probes/smbios/structures.ts';
import { dropPlaceholder } from '../identity/placeholder-text.ts';

/** The structures to keep, each with the offsets of string numbers that identify the machine.
 *  Source: SMBIOS specification (DSP0134) 7. */
const kept: Readonly<Record<number, readonly number[]>> = {
  0: [],
  1: [0x07],
  2: [0x07, 0x08],
  3: [0x07, 0x08],
  4: [0x20, 0x21],
  7: [],
  9: [],
  16: [],
  17: [0x18, 0x19],
  19: [],
  20: [],
  38: [],
  41: [],
  42: [],
  127: [],
};

/** Structures behind an end mark are decoded where an old entry point counts them. */
const everything = Infinity;

const filler = 'x'.charCodeAt(0);

/** The serial numbers and asset tags in a table. */
export function identifyingStrings(table: Uint8Array): string[] {
  const found: string[] = [];
  for (const place of locate(table, everything)) {
    for (const offset of kept[place.type] ?? []) {
      const string =
        offset < place.length ? place.strings[(table[place.start + offset] ?? 0) - 1] : undefined;
      if (string === undefined) continue;
      const text = dropPlaceholder(Buffer.from(table.subarray(...string)).toString('latin1'));
      if (text !== null) found.push(text);
    }
  }
  return found;
}

/** Keeps the lengths of a table and everything that probes decode, and blanks the rest. */
export function blankUndecoded(table: Uint8Array): Uint8Array {
  const blanked = new Uint8Array(table.length);
  const keep = (start: number, end: number): void => {
    blanked.set(table.subarray(start, end), start);
  };
  let at = 0;
  for (const { type, start, length, strings, end } of locate(table, everything)) {
    const isKept = kept[type] !== undefined;
    const areaEnd = start + Math.max(length, headerLength);
    keep(start, isKept ? areaEnd : start + headerLength);
    if (type === 42) blankHostInterface(blanked.subarray(start, start + length));
    for (const string of strings) {
      if (isKept) keep(...string);
      else blanked.fill(filler, ...string);
    }
    // An unterminated string must stay unterminated.
    const known = strings.at(-1)?.[1] ?? areaEnd - 1;
    if (end === undefined) blanked.fill(filler, known + 1);
    at = end ?? table.length;
  }
  // The header of a structure that is cut, so that the table stays incomplete.
  keep(at, Math.min(at + headerLength, table.length));
  return blanked;
}

/** A network interface to the BMC: its descriptor has a serial number or MAC, and each protocol record
 *  a UUID, the host's address and the BMC's name. The BMC's address is what a probe reads, and stays.
 *  Source: DSP0134 7.43, DSP0270 6. */
function blankHostInterface(area: Uint8Array): void {
  const descriptor = 6;
  let at = descriptor + (area[5] ?? 0);
  area.fill(0, descriptor + 1, at);
  const count = area[at] ?? 0;
  at += 1;
  for (let i = 0; i < count && at + 1 < area.length; i++) {
    const record = at + 2;
    at = record + (area[at + 1] ?? 0);
    area.fill(0, record, Math.min(record + 16, at));
    area.fill(0, Math.min(record + 18, at), Math.min(record + 50, at));
    area.fill(0, Math.min(record + 91, at), at);
  }
}
