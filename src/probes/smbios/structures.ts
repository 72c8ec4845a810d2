// Splits a raw SMBIOS table into its structures. tables.ts gives the meaning of their fields.

/** One structure: its formatted area with bounds-checked access, and its strings. */
export class Structure {
  readonly type: number;
  readonly handle: number;
  readonly #area: DataView;
  readonly #strings: readonly string[];

  constructor(area: DataView, strings: readonly string[]) {
    this.type = area.getUint8(0);
    this.handle = area.getUint16(2, true);
    this.#area = area;
    this.#strings = strings;
  }

  /** Undefined past the end of the formatted area: the structure is of an older version. */
  byte(offset: number): number | undefined {
    return offset < this.#area.byteLength ? this.#area.getUint8(offset) : undefined;
  }

  word(offset: number): number | undefined {
    return offset + 2 <= this.#area.byteLength ? this.#area.getUint16(offset, true) : undefined;
  }

  dword(offset: number): number | undefined {
    return offset + 4 <= this.#area.byteLength ? this.#area.getUint32(offset, true) : undefined;
  }

  qword(offset: number): bigint | undefined {
    return offset + 8 <= this.#area.byteLength ? this.#area.getBigUint64(offset, true) : undefined;
  }

  bytes(offset: number, length: number): Uint8Array | undefined {
    if (offset + length > this.#area.byteLength) return undefined;
    return new Uint8Array(this.#area.buffer, this.#area.byteOffset + offset, length);
  }

  /** The string whose number stands at `offset`; null for number 0 and for a number too high. */
  string(offset: number): string | null {
    const number = this.byte(offset);
    if (number === undefined || number === 0) return null;
    return this.#strings[number - 1] ?? null;
  }
}

const headerLength = 4;
const endOfTable = 127;
const latin1 = new TextDecoder('latin1');

/** The structures of a table, up to its end mark; `complete` is false when it was cut or garbled.
 *  A structure that says to be shorter than its own header is stepped over: Hyper-V makes one, and all
 *  its memory stands behind it.
 *  Source: SMBIOS specification (DSP0134) 6.1. */
export function parseStructures(table: Uint8Array): {
  structures: Structure[];
  complete: boolean;
} {
  const structures: Structure[] = [];
  let isWhole = true;
  let at = 0;
  while (at + headerLength <= table.length) {
    const length = table[at + 1] ?? 0;
    if (at + length > table.length) return { structures, complete: false };
    const { strings, end } = readStrings(table, at + Math.max(length, headerLength));
    if (length < headerLength) isWhole = false;
    else {
      const area = new DataView(table.buffer, table.byteOffset + at, length);
      structures.push(new Structure(area, strings));
      if (table[at] === endOfTable) return { structures, complete: isWhole };
    }
    if (end === undefined) return { structures, complete: false };
    at = end;
  }
  // Tables before 2.2 have no end mark.
  return { structures, complete: isWhole && structures.length > 0 };
}

/** The strings from `start` on, and where the next structure begins (undefined: never). */
function readStrings(
  table: Uint8Array,
  start: number,
): { strings: string[]; end: number | undefined } {
  const strings: string[] = [];
  let at = start;
  for (;;) {
    const zero = table.indexOf(0, at);
    if (zero === -1) return { strings, end: undefined };
    // Two zeros in a row end the set; a structure without strings has just these two.
    if (zero === at && (strings.length > 0 || table[at + 1] === 0)) {
      return { strings, end: strings.length > 0 ? zero + 1 : zero + 2 };
    }
    if (zero === at) return { strings, end: zero + 1 };
    strings.push(latin1.decode(table.subarray(at, zero)));
    at = zero + 1;
  }
}
