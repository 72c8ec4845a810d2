// Cuts locale data out of a Node binary: an agent logs in English, and 33 of the 117 MB are calendars,
// currencies and legacy encodings of everybody else.

/** The parts that stay: normalisation and IDNA (URLs), English, the time zones, the segmentation of text. */
const KEPT = [
  /\.(?:nrm|brk)$/,
  /^(?:root|res_index|pool|en|en_US)\.res$/,
  /^(?:supplementalData|zoneinfo64|metaZones|timezoneTypes|windowsZones|numberingSystems|plurals)\.res$/,
  /^(?:langInfo|keyTypeData|icuver|icustd|genderList|dayPeriods|metadata)\.res$/,
  /^(?:cnvalias|ulayout|uemoji|pnames|uprops|ucase|ubidi)\.icu$/,
  /^(?:curr|lang|region|unit|zone|coll|brkitr|rbnf)\/(?:root|res_index|pool|en|en_US)\.res$/,
  /^coll\/ucadata\.icu$/,
];

interface Entry {
  readonly name: string;
  readonly nameOffset: number;
  readonly dataOffset: number;
}

/** Removes from the ICU data package inside `binary`, in place, all that KEPT does not name, and
 *  gives the number of bytes that became zeros (which compress to nothing).
 *  Source: ICU's "CmnD" package: a header, a count, a sorted table of (name, data) offsets.
 *  Errors: throws where the package is not found or its table makes no sense. */
export function trimIcu(binary: Buffer): number {
  const base = findPackage(binary);
  const entries = readTable(binary, base);
  const kept: Entry[] = [];
  let freed = 0;
  for (const [i, entry] of entries.entries()) {
    // The last item's end is not in the table: it stays.
    const end = entries[i + 1]?.dataOffset;
    const path = entry.name.slice(entry.name.indexOf('/') + 1);
    if (end === undefined || KEPT.some((pattern) => pattern.test(path))) {
      kept.push(entry);
    } else {
      binary.fill(0, base + entry.dataOffset, base + end);
      freed += end - entry.dataOffset;
    }
  }
  binary.writeUInt32LE(kept.length, base);
  for (const [i, entry] of kept.entries()) {
    binary.writeUInt32LE(entry.nameOffset, base + 4 + 8 * i);
    binary.writeUInt32LE(entry.dataOffset, base + 8 + 8 * i);
  }
  return freed;
}

/** Where the package's table of contents begins. */
function findPackage(binary: Buffer): number {
  for (let at = binary.indexOf('CmnD'); at >= 0; at = binary.indexOf('CmnD', at + 1)) {
    const header = at - 12;
    if (header >= 0 && binary[header + 2] === 0xda && binary[header + 3] === 0x27) {
      return header + binary.readUInt16LE(header);
    }
  }
  throw new Error('this Node binary holds no ICU data package: its layout has changed');
}

function readTable(binary: Buffer, base: number): Entry[] {
  const count = binary.readUInt32LE(base);
  if (count === 0 || count > 100_000) throw new Error(`ICU data package: ${count} entries`);
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const nameOffset = binary.readUInt32LE(base + 4 + 8 * i);
    const dataOffset = binary.readUInt32LE(base + 8 + 8 * i);
    const previous = entries.at(-1);
    if (previous !== undefined && dataOffset <= previous.dataOffset) {
      throw new Error('ICU data package: its table is not sorted');
    }
    const start = base + nameOffset;
    const name = binary.toString('latin1', start, binary.indexOf(0, start));
    entries.push({ name, nameOffset, dataOffset });
  }
  return entries;
}
