// Builds raw SMBIOS tables, so that a test says what firmware it means.

/** One structure: a header, `fields` by offset, and its strings. Length is that of its last field. */
export function structure(
  type: number,
  fields: Readonly<Record<number, number | Uint8Array>>,
  strings: readonly string[] = [],
  length?: number,
): Uint8Array {
  const values = Object.entries(fields).map(([at, value]) => ({
    at: Number(at),
    bytes: typeof value === 'number' ? Uint8Array.of(value) : value,
  }));
  const end = Math.max(4, ...values.map(({ at, bytes }) => at + bytes.length));
  const area = new Uint8Array(length ?? end);
  area.set([type, length ?? end, 0, 0]);
  for (const { at, bytes } of values) area.set(bytes, at);
  const text = strings.length === 0 ? '\0\0' : `${strings.join('\0')}\0\0`;
  return concat([area, Buffer.from(text, 'latin1')]);
}

export function table(...structures: readonly Uint8Array[]): Uint8Array {
  return concat([...structures, structure(127, {})]);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Little-endian numbers of 2, 4 and 8 bytes. */
export function word(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >>> 8);
}

export function dword(value: number): Uint8Array {
  return concat([word(value & 0xffff), word(value >>> 16)]);
}

export function qword(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** A 64-bit entry point of the given version. */
export function entryPoint(major: number, minor: number): Uint8Array {
  const bytes = new Uint8Array(24);
  bytes.set(Buffer.from('_SM3_'));
  bytes.set([major, minor], 7);
  return bytes;
}

/** A 32-bit entry point of the given version. */
export function oldEntryPoint(major: number, minor: number): Uint8Array {
  const bytes = new Uint8Array(31);
  bytes.set(Buffer.from('_SM_'));
  bytes.set([major, minor], 6);
  return bytes;
}

export const uuidBytes = Uint8Array.from({ length: 16 }, (_, i) => i + 0x10);
/** The same bytes as they stand, and as SMBIOS 2.6 reads them. */
export const uuidBig = '10111213-1415-1617-1819-1a1b1c1d1e1f';
export const uuidLittle = '13121110-1514-1716-1819-1a1b1c1d1e1f';

/** A system (type 1) of the given maker. */
export function system(vendor: string, product: string, serial = 'SN1'): Uint8Array {
  return structure(1, { 0x04: 1, 0x05: 2, 0x07: 3, 0x08: uuidBytes, 0x1a: 0 }, [
    vendor,
    product,
    serial,
  ]);
}

/** A memory module (type 17), with what a test cares for laid over a 32 GiB DDR4 one. */
export function memoryModule(
  fields: Readonly<Record<number, number | Uint8Array>> = {},
): Uint8Array {
  const usual = { 0x0c: word(0x7fff), 0x10: 1, 0x12: 0x1a, 0x15: word(3200), 0x1c: dword(32_768) };
  return structure(17, { ...usual, ...fields }, ['DIMM_A1'], 0x5c);
}
