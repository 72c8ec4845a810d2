// Converts UUIDs between their spellings, and between the two byte orders that firmware uses. Pure.

const dashedDigits = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The positions of a UUID's bytes in the other byte order. Only the first three fields differ.
 *  Source: SMBIOS specification (DSP0134) 7.2.1. */
const otherOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/** True for a UUID with dashes, in any case. */
export function isUuid(text: string): boolean {
  return dashedDigits.test(text);
}

/** Normalises a UUID to lower case with dashes; undefined for anything else. */
export function normalizeUuid(text: string | null | undefined): string | undefined {
  const digits = uuidDigits(text?.trim() ?? '');
  return /^[0-9a-f]{32}$/.test(digits) ? dashed(digits) : undefined;
}

/** The digits of a UUID, in lower case and without dashes. */
export function uuidDigits(uuid: string): string {
  return uuid.toLowerCase().replaceAll('-', '');
}

/** Puts the dashes of a UUID into 32 digits. */
export function dashed(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** The text of 16 bytes that are in the order of the text. */
export function uuidOfBytes(bytes: Uint8Array): string {
  return dashed([...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
}

/** The same UUID in the other byte order. Swapping twice gives the original. */
export function swapUuid(uuid: string): string {
  const pairs = uuidDigits(uuid).match(/../g) ?? [];
  return dashed(otherOrder.map((i) => pairs[i] ?? '').join(''));
}

/** The same 16 bytes in the other byte order. */
export function swapUuidBytes(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(otherOrder, (i) => bytes[i] ?? 0);
}
