// The SMBIOS entry point, which states the version of the specification that the tables follow.

export interface SmbiosVersion {
  readonly major: number;
  readonly minor: number;
}

export interface EntryPoint {
  readonly version: SmbiosVersion;
  /** The number of structures, which only entry points before 3.0 state. */
  readonly count?: number;
}

/** The version and size that an entry point states; undefined for anything but an entry point. Source: SMBIOS
 *  specification (DSP0134) 5.2, and DMI 2.0 for the legacy anchor, whose version is in BCD; known typos are
 *  corrected as in dmidecode: 2.31 and 2.33 mean 2.3, 2.51 means 2.6. */
export function parseEntryPoint(bytes: Uint8Array): EntryPoint | undefined {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 5));
  const at = text === '_SM3_' ? 7 : text.startsWith('_SM_') ? 6 : undefined;
  const count = text.startsWith('_SM_') ? 28 : 12;
  if (text === '_DMI_') {
    const version = bytes[14];
    if (version === undefined) return undefined;
    const stated = { major: version >> 4, minor: version & 0x0f };
    return { version: stated, count: wordAt(bytes, count) };
  }
  if (at === undefined) return undefined;
  const [major, minor] = bytes.subarray(at, at + 2);
  if (major === undefined || minor === undefined) return undefined;
  const version = correct({ major, minor });
  return text === '_SM3_' ? { version } : { version, count: wordAt(bytes, count) };
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** "SMBIOS 2.7 present." of dmidecode's text. */
export function parseVersionLine(text: string): SmbiosVersion | undefined {
  const match = /^SMBIOS (\d{1,3})\.(\d{1,3})/m.exec(text);
  return match ? correct({ major: Number(match[1]), minor: Number(match[2]) }) : undefined;
}

/** True from 2.6 on, when the first three fields of a UUID became little-endian. */
export function hasLittleEndianUuid(version: SmbiosVersion | undefined): boolean {
  if (version === undefined) return true;
  return version.major > 2 || (version.major === 2 && version.minor >= 6);
}

function correct({ major, minor }: SmbiosVersion): SmbiosVersion {
  if (major === 2 && (minor === 31 || minor === 33)) return { major, minor: 3 };
  if (major === 2 && minor === 51) return { major, minor: 6 };
  return { major, minor };
}
