// The SMBIOS entry point, which states the version of the specification that the tables follow.

export interface SmbiosVersion {
  readonly major: number;
  readonly minor: number;
}

/** The version that an entry point states; undefined for anything but an entry point. Source: SMBIOS
 *  specification (DSP0134) 5.2; known typos are corrected as in dmidecode: 2.31 and 2.33 mean 2.3, 2.51
 *  means 2.6. */
export function parseEntryPoint(bytes: Uint8Array): SmbiosVersion | undefined {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 5));
  const at = text === '_SM3_' ? 7 : text.startsWith('_SM_') ? 6 : undefined;
  if (at === undefined) return undefined;
  const [major, minor] = bytes.subarray(at, at + 2);
  if (major === undefined || minor === undefined) return undefined;
  return correct({ major, minor });
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
