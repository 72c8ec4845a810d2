// Strings that firmware ships where a maker forgot to fill one in. UUIDs have their own list, in placeholders.ts.

/** Whole strings, of which letters and digits alone are compared, in lower case. */
const placeholders = new Set([
  '112233445566',
  '12345',
  '123456',
  '1234567',
  '123456789000',
  '9876543210',
  'a1b2c3d4e5',
  'abcdefg',
  'allseries',
  'assettracking',
  'badindex',
  'default',
  'defaultstring',
  'defaultvalue',
  'empty',
  'emptyserial',
  'emptystring',
  'enterserial',
  'eval',
  'fillbycustomer',
  'fillbyoem',
  'filledbyoem',
  'iatpass',
  'invalid',
  'invalidserial',
  'na',
  'nan',
  'nil',
  'noassetinformation',
  'noassettag',
  'nodata',
  'noenclosure',
  'none',
  'noneprovided',
  'nonespecified',
  'noserial',
  'noserialnumber',
  'nosn',
  'not',
  'notapplicable',
  'notassettag',
  'notassigned',
  'notavailable',
  'notdefined',
  'notfilledin',
  'notinitialized',
  'notpresent',
  'notprogrammed',
  'notprovided',
  'notset',
  'notsettable',
  'notspecified',
  'novalue',
  'null',
  'nullstring',
  'oem',
  'oemdefaultstring000',
  'oemstring',
  'outofspec',
  'pleasefill',
  'sample',
  'serialnumberxxxxxx',
  'sernum',
  'sn12345',
  'sn123456fvgv3i0b8o5n6n7k',
  'string',
  'sys9876543210',
  'systemproduct',
  'systemserialnumb',
  'tba',
  'tbd',
  'tbdbyoem',
  'tulipcomputers',
  'type1productconfigid',
  'undefined',
  'uninitialized',
  'unknow',
  'unknown',
  'unknownserial',
  'unknowserial',
  'unprogrammed',
  'unset',
  'unspecified',
  // Rockchip's boards, in the device tree.
  'c3d9b8674f4b94f6',
]);

/** The name of the field itself ("Base Board Serial Number", "Type2 - Board Asset Tag", "A1_SerNum0"), and words to
 *  fill it in. */
const instead =
  /^(?:(?:type\d)?(?:system|sys|(?:base|main|mother)?board|chassis|product|enclosure|oem|machine|server|node|blade|rack|mb|pcb){0,2}(?:serial(?:number|no)?|serno|sn|sku(?:number)?|assettag|version|manufacturer?|vendor|productname\d?|name|partnumber|uuid|family|chassislocation)|tobe(?:filled|defined|determined|set).*|oemdefine\d*|(?:a(?:rray)?\d)?(?:manufacturer|sernum|assettagnum|(?:module)?part(?:num|number))\d{1,2})$/;

/** One character repeated: "00000000", "0x0000". */
const repeated = /^(?:0x)?(.)\1+$/;

/** Digits behind a few letters, and what goes on counting in hexadecimal. */
const numbered = /^[a-z]{0,5}(\d{8,})a?b?c?d?e?f?$/;
const counting = '0123456789'.repeat(7);

/** The string; null if it is a placeholder or missing. */
export function dropPlaceholder(text: string | null | undefined): string | null {
  const value = text?.trim() ?? '';
  return value === '' || isPlaceholder(value) ? null : value;
}

/** Longer than any placeholder. */
const maxLength = 64;

function isPlaceholder(text: string): boolean {
  if (text.length > maxLength) return false;
  const lower = text.toLowerCase();
  const plain = lower.replaceAll(/[^\p{L}\p{N}]/gu, '');
  // Dots make a version of digits: "1.1.1".
  const joined = lower.replaceAll(/[\s_-]/g, '');
  return (
    plain === '' ||
    plain === '0' ||
    placeholders.has(plain) ||
    instead.test(plain) ||
    repeated.test(joined) ||
    isCounted(joined)
  );
}

/** True for digits that count up: "0123456789", "MB-1234567890", "BSN12345678901234567". */
function isCounted(text: string): boolean {
  const digits = numbered.exec(text)?.[1] ?? ' ';
  return counting.startsWith(digits) || counting.startsWith(digits, 1);
}
