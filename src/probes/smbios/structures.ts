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

  /** Undefined past the end of the formatted area, as in structures of older versions. */
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

  /** The string with the number at `offset`; null for 0 and for numbers too high. */
  string(offset: number): string | null {
    const number = this.byte(offset);
    if (number === undefined || number === 0) return null;
    return this.#strings[number - 1] ?? null;
  }
}

export const headerLength = 4;
const endOfTable = 127;
const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The specification has strings in UTF-8; older firmware writes its own code page. */
function decodeString(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return latin1.decode(bytes);
  }
}

/** The position of a structure in its table. */
interface Place {
  readonly type: number;
  readonly start: number;
  /** The length of the formatted area, as the structure states it. */
  readonly length: number;
  /** The start and end of each string. */
  readonly strings: readonly (readonly [start: number, end: number])[];
  /** The start of the next structure; undefined if the table is cut within the strings. */
  readonly end: number | undefined;
}

/** Finds the structures of a table, up to its end mark or the point where it is cut. A structure that
 *  claims to be shorter than its header does not end the walk: Hyper-V has one, and its memory devices
 *  follow it. An end mark before the `count` of an old entry point is firmware's mistake.
 *  Source: SMBIOS specification (DSP0134) 6.1. */
export function* locate(table: Uint8Array, count = 0): Generator<Place> {
  let at = 0;
  for (let found = 1; at + headerLength <= table.length; found++) {
    const [type = 0, length = 0] = table.subarray(at, at + 2);
    if (at + length > table.length) return;
    const { strings, end } = locateStrings(table, at + Math.max(length, headerLength));
    yield { type, start: at, length, strings, end };
    const isMark = type === endOfTable && length >= headerLength;
    if (end === undefined || (isMark && (found >= count || !followsMark(table, end)))) return;
    at = end;
  }
}

/** True if another structure stands behind an end mark, and not the rest of a buffer. */
function followsMark(table: Uint8Array, at: number): boolean {
  const [type = endOfTable, length = 0] = table.subarray(at, at + 2);
  return type < endOfTable && length >= headerLength;
}

/** The structures of a table. `complete` is false if it is cut or garbled. */
export function parseStructures(
  table: Uint8Array,
  count?: number,
): {
  structures: Structure[];
  complete: boolean;
} {
  const places = [...locate(table, count)];
  const whole = places.filter((place) => place.length >= headerLength);
  const last = places.at(-1);
  // Tables before 2.2 have no end mark; they extend to the last byte.
  const isEnded =
    last?.type === endOfTable ||
    (count !== undefined && count > 0 && places.length >= count) ||
    (last?.end !== undefined && last.end + headerLength > table.length);
  return {
    structures: whole.map((place) => structureAt(table, place)),
    complete: isEnded && whole.length === places.length,
  };
}

function structureAt(table: Uint8Array, { start, length, strings }: Place): Structure {
  const area = new DataView(table.buffer, table.byteOffset + start, length);
  return new Structure(
    area,
    strings.map((place) => decodeString(table.subarray(...place))),
  );
}

/** Finds the strings from `start` on. Two zeros in a row end them; a structure without strings has just the
 *  two zeros. */
function locateStrings(table: Uint8Array, start: number): Pick<Place, 'strings' | 'end'> {
  const strings: [number, number][] = [];
  let at = start;
  for (;;) {
    const zero = table.indexOf(0, at);
    if (zero === -1) return { strings, end: undefined };
    if (zero === at) {
      const isPair = strings.length === 0 && table[at + 1] === 0;
      return { strings, end: isPair ? zero + 2 : zero + 1 };
    }
    strings.push([at, zero]);
    at = zero + 1;
  }
}
