// Redacts a raw SMBIOS table. Structures that probes decode keep whatever describes the hardware; all
// others keep only type and length. No byte moves.
import { dropPlaceholder } from '../probes/smbios/placeholder-text.ts';

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

interface Place {
  type: number;
  start: number;
  /** The length of the formatted area. */
  length: number;
  /** The start and end of each string. */
  strings: (readonly [start: number, end: number])[];
}

/** The serial numbers and asset tags in a table. */
export function identifyingStrings(table: Uint8Array): string[] {
  const found: string[] = [];
  for (const place of locate(table)) {
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

/** Blanks everything in the table that no probe decodes. */
export function blankUndecoded(table: Uint8Array): Uint8Array {
  const blanked = table.slice();
  const headerLength = 4;
  for (const { type, start, length, strings } of locate(table)) {
    if (type === 42) blankHostInterface(blanked.subarray(start, start + length));
    if (kept[type] !== undefined) continue;
    blanked.fill(0, start + headerLength, start + Math.max(length, headerLength));
    for (const string of strings) blanked.fill('x'.charCodeAt(0), ...string);
  }
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

/** The positions of a table's structures, as smbios/structures.ts splits it. */
function locate(table: Uint8Array): Place[] {
  const places: Place[] = [];
  let at = 0;
  while (at + 4 <= table.length) {
    const place: Place = {
      type: table[at] ?? 0,
      start: at,
      length: table[at + 1] ?? 0,
      strings: [],
    };
    let next = at + Math.max(place.length, 4);
    for (;;) {
      const zero = table.indexOf(0, next);
      if (zero === -1)
        return [...places, { ...place, strings: [...place.strings, [next, table.length]] }];
      if (zero === next) break;
      place.strings.push([next, zero]);
      next = zero + 1;
    }
    places.push(place);
    at = place.strings.length > 0 ? next + 1 : next + (table[next + 1] === 0 ? 2 : 1);
  }
  return places;
}
