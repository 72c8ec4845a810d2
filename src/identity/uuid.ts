// UUIDs: their spelling, and the two byte orders in which firmware stores one. Pure.

const dashedDigits = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The positions of a UUID's bytes in the other byte order, which only its first three fields have.
 *  Source: SMBIOS specification (DSP0134) 7.2.1. */
const otherOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** Whether a text is a UUID with dashes, in any case. */
export function isUuid(text: string): boolean {
  return dashedDigits.test(text);
}

/** Lower case with dashes; undefined for the texts that stand for no UUID and for anything else. */
export function normalizeUuid(text: string | null | undefined): string | undefined {
  const digits = uuidDigits(text?.trim() ?? '');
  return /^[0-9a-f]{32}$/.test(digits) ? dashed(digits) : undefined;
}

/** The 32 digits in lower case, without dashes. */
export function uuidDigits(uuid: string): string {
  return uuid.toLowerCase().replaceAll('-', '');
}

/** 32 digits with the dashes of a UUID. */
export function dashed(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The text of a UUID whose 16 bytes stand in the order of the text. */
export function uuidOfBytes(bytes: Uint8Array): string {
  return dashed([...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
}

/** The same UUID in the other byte order; what was swapped twice is as before. */
export function swapUuid(uuid: string): string {
  const pairs = uuidDigits(uuid).match(/../g) ?? [];
  return dashed(otherOrder.map((i) => pairs[i] ?? '').join(''));
}

/** The same 16 bytes in the other byte order. */
export function swapUuidBytes(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(otherOrder, (i) => bytes[i] ?? 0);
}
