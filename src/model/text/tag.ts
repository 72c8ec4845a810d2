// Tags as requests bring them: no two that look alike. Pure. What older versions stored stays as it is.

/** Signs that nobody sees, or that are taken for a plain blank. That of Braille is a symbol to Unicode. */
const unseen = /(?! )[\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** The longest tag. Units: code points. */
export const longestTag = 64;

/** A tag in the one spelling that a text has in Unicode (NFC), which a Mac's file names do not have. */
export function asStored(tag: string): string {
  return tag.normalize('NFC');
}

/** Says what is wrong with a tag, in words that follow it; undefined for a good one. */
export function faultOf(tag: string): string | undefined {
  const [sign] = unseen.exec(tag) ?? [];
  if (sign !== undefined) {
    const code = sign.codePointAt(0) ?? 0;
    return `has a sign that nobody sees (U+${code.toString(16).toUpperCase().padStart(4, '0')}): write it without`;
  }
  if (tag.trim() !== tag) return 'begins or ends with a blank: write it without';
  // Some letters of Devanagari and Hebrew are two there.
  const { length } = Array.from(asStored(tag));
  return length > longestTag
    ? `has more than ${longestTag} signs in Unicode's form NFC`
    : undefined;
}
