// Strings that firmware ships where a maker forgot to fill one in. UUIDs have their own list, in
// src/identity/placeholders.ts.

/** Whole strings. Comparison ignores case, repeated blanks, underscores and trailing dots. */
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
  'empty string',
  'string',
  'fill by oem',
  'filled by oem',
  'o.e.m',
  'oem',
  'oem string',
  'system product',
  'all series',
  'sample',
  '(null)',
  '(null string)',
  '(none)',
  '$(default string)',
  'n\\a',
  'not',
  'nil',
  'eval',
  'iatpass',
  'invalid serial',
  'nnnnnnn',
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
  'tbd by oem',
  'tba',
  'n.a',
  '<empty>',
  'no data',
  'no serial number',
  'none provided',
  'oem default string000',
  'enter serial',
  '<null>',
  'notavailable',
  'not assigned',
  'unspecified',
  'type1productconfigid',
  // Rockchip's boards, in the device tree.
  'c3d9b8674f4b94f6',
  'xxxxxxxxxx',
]);

/** The name of the field itself ("Base Board Serial Number", "Type2 - Board Asset Tag", "A1_SerNum0"), and words to fill it in. */
const instead =
  /^(?:(?:type ?\d ?- ?)?(?:(?:system|base ?board|board|chassis|product|enclosure|oem) ?){0,2}(?:serial ?number|serial|sku ?number|sku|asset ?tag|version|manufacturer?|vendor|product name\d?|name|part number|uuid|family|chassis location)#?|to be (?:filled|defined).*|oem define ?\d*|(?:a(?:rray)?\d )?(?:manufacturer|sernum|assettagnum|(?:module)?part(?:num|number))\d{1,2})$/;

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
    .replaceAll(/[\s_]+/g, ' ')
    .replace(/[. ]+$/, '');
  return (
    plain === '' ||
    placeholders.has(plain) ||
    instead.test(plain) ||
    plain === '0' ||
    (plain.length > 1 && counted.test(plain))
  );
}
