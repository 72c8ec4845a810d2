// Strings that firmware ships where a maker forgot to fill one in. UUIDs have their own list, in
// src/identity/placeholders.ts.

/** Whole strings. Comparison ignores case, repeated blanks and trailing dots. */
const placeholders = new Set([
  '-',
  '--',
  'none',
  'null',
  'n/a',
  'na',
  'empty',
  'unknow',
  'unknown',
  'undefined',
  'invalid',
  'default',
  'default string',
  'default_string',
  'not set',
  'not specified',
  'not available',
  'not applicable',
  'not present',
  'not settable',
  'not defined',
  'not provided',
  'not filled in',
  'no enclosure',
  'no asset tag',
  'no asset information',
  'no serial',
  'noassettag',
  'bad index',
  '<bad index>',
  '<out of spec>',
  'asset tag',
  'chassis asset tag',
  'base board asset tag',
  'board asset tag',
  'system asset tag',
  'asset tag#',
  'serial number',
  'system serial number',
  'chassis serial number',
  'base board serial number',
  'board serial number',
  'empty string',
  'string',
  'to be filled by o.e.m',
  'to be filled by oem',
  'to be filled',
  'fill by oem',
  'filled by oem',
  'o.e.m',
  'oem',
  'oem string',
  'system manufacturer',
  'system product name',
  'system product',
  'system version',
  'system name',
  'system vendor',
  'chassis manufacturer',
  'product name',
  'type2 - board manufacturer',
  'type2 - board product name1',
  'type2 - board serial number',
  'all series',
  'base board manufacturer',
  'base board product name',
  'manufacturer',
  'sample',
  '(null)',
  '(null string)',
  'n\\a',
  'not',
  'nil',
  'eval',
  'iatpass',
  'invalid serial',
  'nnnnnnn',
  'oem_serial',
  'serial',
  'serialnumber',
  'serial number xxxxxx',
  'sernum',
  'sn-12345',
  'sn-123456fvgv3i0b8o5n6n7k',
  'sn-1234567890',
  'sys-1234567890',
  'sys-9876543210',
  'systemserialnumb',
  'tulip computers',
  '12345',
  '123456',
  '1234567',
  '123456789000',
  '9876543210',
  'tbd',
  'tba',
  'xxxxxxxxxx',
]);

/** Digits that count up behind a few letters, and one character repeated: "0123456789", "MB-1234567890",
 *  "BSN12345678901234567", "00000000". */
const counted = /^(?:[a-z]{0,5}-?0?12345678(?:9|90|9012345678?9?)?(?:ab(?:cdef)?)?|(.)\1*)$/i;

/** The string; null if it is a placeholder or missing. */
export function dropPlaceholder(text: string | null | undefined): string | null {
  const value = text?.trim() ?? '';
  return value === '' || isPlaceholder(value) ? null : value;
}

/** Longer than any placeholder. */
const maxLength = 64;

function isPlaceholder(text: string): boolean {
  if (text.length > maxLength) return false;
  const plain = text
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .replace(/[. ]+$/, '');
  return (
    plain === '' ||
    placeholders.has(plain) ||
    plain === '0' ||
    (plain.length > 1 && counted.test(plain))
  );
}
