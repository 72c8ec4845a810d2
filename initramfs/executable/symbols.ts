// Cuts out of a Node binary the names that it exports to addons written in C++, which the agent has none of: 4 MB, and
// over 1 MB of the packed image. What the dynamic linker looks for on behalf of a library stays.

/** Section types of ELF. Source: elf(5). */
const types = { rela: 4, dynamic: 6, dynsym: 11, verneed: 0x6ffffffe } as const;

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** The number of the section that this one speaks of. */
  readonly link: number;
}

/** Names that a library may look for in the program that it is loaded by: those of C++'s own library, whose templates
 *  exist once in a process, and those reserved for the system. */
const ofSystem =
  /^(?:_Z(?:T[A-Z]|N?K?|GV)*(?:St|S[absiod]|9__gnu_cxx|10__cxxabiv1)|_Z(?:nw|na|dl|da)|_[^Z])/;

/** Removes them from `binary`, in place, and gives the number of bytes that became zeros.
 *  Errors: throws where it is no such ELF file, or has nothing to remove. */
export function trimSymbols(binary: Buffer): number {
  const sections = readSections(binary);
  const symbols = sections.find(({ type }) => type === types.dynsym);
  const names = sections[symbols?.link ?? -1];
  if (symbols === undefined || names === undefined) {
    throw new Error('this Node binary has no table of dynamic symbols: its layout has changed');
  }
  const kept = new Set(offsetsElsewhere(binary, sections, sections.indexOf(names)));
  const wanted = relocated(binary, sections, sections.indexOf(symbols));
  let freed = 0;
  for (let i = 1; i < symbols.size / symbolBytes; i++) {
    const at = symbols.offset + i * symbolBytes;
    const name = binary.readUInt32LE(at);
    const isUndefined = binary.readUInt16LE(at + 6) === 0;
    if (isUndefined || wanted.has(i) || ofSystem.test(textAt(binary, names.offset + name))) {
      kept.add(name);
    } else {
      // As if it were not there: without a name, a section and a value. What it was stays in the second word.
      binary.fill(0, at, at + 4);
      binary.fill(0, at + 6, at + symbolBytes);
      freed += symbolBytes;
    }
  }
  if (freed === 0) throw new Error('this Node binary exports nothing: its layout has changed');
  return freed + blankOthers(binary, names, kept);
}

const symbolBytes = 24;
const relocationBytes = 24;

function readSections(binary: Buffer): Section[] {
  // 64 bits, little-endian.
  if (binary.readUInt32BE(0) !== 0x7f454c46 || binary.readUInt16BE(4) !== 0x0201) {
    throw new Error('this Node binary is no ELF file of 64 bits');
  }
  const table = Number(binary.readBigUInt64LE(0x28));
  const bytes = binary.readUInt16LE(0x3a);
  return Array.from({ length: binary.readUInt16LE(0x3c) }, (_, i) => {
    const at = table + i * bytes;
    return {
      type: binary.readUInt32LE(at + 4),
      offset: Number(binary.readBigUInt64LE(at + 24)),
      size: Number(binary.readBigUInt64LE(at + 32)),
      link: binary.readUInt32LE(at + 40),
    };
  });
}

/** The symbols that the binary's own relocations name, by number. */
function relocated(binary: Buffer, sections: readonly Section[], symbols: number): Set<number> {
  const found = new Set<number>();
  for (const { type, offset, size, link } of sections) {
    if (type !== types.rela || link !== symbols) continue;
    for (let at = offset; at < offset + size; at += relocationBytes) {
      found.add(binary.readUInt32LE(at + 12));
    }
  }
  return found;
}

/** Places in the table of names that sections beside the symbols speak of: libraries, and their versions. */
function* offsetsElsewhere(
  binary: Buffer,
  sections: readonly Section[],
  names: number,
): Generator<number> {
  for (const { type, offset, size, link } of sections) {
    if (link !== names) continue;
    if (type === types.dynamic) {
      for (let at = offset; at < offset + size; at += 16) {
        // DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH.
        const tag = Number(binary.readBigUInt64LE(at));
        if ([1, 14, 15, 29].includes(tag)) yield Number(binary.readBigUInt64LE(at + 8));
      }
    } else if (type === types.verneed) yield* versions(binary, offset);
    else if (type !== types.dynsym) throw new Error(`unknown user of symbol names: ${type}`);
  }
}

/** Two lists, each of which says how far it is to its next member: libraries, and the versions wanted of each. */
function* versions(binary: Buffer, start: number): Generator<number> {
  for (let library = start, next = -1; next !== 0; library += next) {
    yield binary.readUInt32LE(library + 4);
    let version = library + binary.readUInt32LE(library + 8);
    for (let step = -1; step !== 0; version += step) {
      yield binary.readUInt32LE(version + 8);
      step = binary.readUInt32LE(version + 12);
    }
    next = binary.readUInt32LE(library + 12);
  }
}

/** Zeros all names but those that begin at one of these places. Where one ends like another, both are the same bytes. */
function blankOthers(binary: Buffer, { offset, size }: Section, kept: ReadonlySet<number>): number {
  const keeps = new Uint8Array(size);
  for (const start of kept) keeps.fill(1, start, binary.indexOf(0, offset + start) - offset);
  let freed = 0;
  for (let i = 0; i < size; i++) {
    if (keeps[i] === 1 || binary[offset + i] === 0) continue;
    binary[offset + i] = 0;
    freed += 1;
  }
  return freed;
}

function textAt(binary: Buffer, at: number): string {
  return binary.toString('latin1', at, binary.indexOf(0, at));
}
