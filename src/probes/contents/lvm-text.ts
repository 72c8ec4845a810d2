// The text of LVM's metadata: sections in braces, with values. Pure. Only what is needed of it is read, and so
// remembered as used: the rest tells who made it, and where.
import type { Fields } from './fields.ts';

export interface Section {
  readonly values: Map<string, string>;
  /** With their names, of which a redacted capture may have several that are equal. */
  readonly sections: [name: string, section: Section][];
}

/** The values that are read, by the depth of their section, whose name may matter. */
const wanted: readonly (readonly [under: RegExp, keys: readonly string[]])[] = [
  [/^[^/]+$/, ['id', 'seqno', 'extent_size']],
  [/^[^/]+\/physical_volumes\/[^/]+$/, ['id', 'pe_start']],
  [/^[^/]+\/logical_volumes\/[^/]+$/, ['status']],
  [/^[^/]+\/logical_volumes\/[^/]+\/[^/]+$/, ['type', 'stripe_count', 'stripes']],
];
/** The sections whose names people chose: the group and its volumes. */
const named = /^[^/]+(?:\/logical_volumes\/[^/]+)?$/;

/** The opening of a section, a value, the end of a section. Bounded, as it is tried at each byte of what a disk
 *  holds. */
const lines = /(?<![\w.+-])[\w.+-]{1,128}(?: \{| = (?:\[[^\]]{0,4096}\]|\P{Cc}{0,4096}))|\}/gu;

/** Deeper than the metadata is. */
const maxDepth = 8;

/** The sections of a text of `length` bytes, up to the end of the first one. `isWhole` is false where it ends
 *  before. Undefined if it does not begin with a section. A capture has NULs, and one other byte, in place of what
 *  is not read.
 *  Source: lvm2 lib/format_text/export.c. */
export function readSections(
  fields: Fields,
  length: number,
): { top: Section; isWhole: boolean } | undefined {
  const text = fields.ascii(0, length);
  // All of it is read, but little of it is needed.
  fields.spans.pop();
  if (!/^[\w.+-]{1,128} \{/.test(text)) return undefined;
  const top: Section = { values: new Map(), sections: [] };
  const open: { path: string; section: Section }[] = [{ path: '', section: top }];
  for (const { 0: line, index } of text.matchAll(lines)) {
    const { path, section } = open.at(-1) ?? { path: '', section: top };
    if (line === '}') {
      fields.take(index, 1);
      open.pop();
      if (open.length === 1) return { top, isWhole: true };
      continue;
    }
    const [name = '', value] = line.split(/ [={] ?/, 2);
    if (!line.endsWith('{') || line.includes(' = ')) {
      if (!wanted.some(([under, keys]) => keys.includes(name) && under.test(path))) continue;
      fields.take(index, line.length);
      section.values.set(name, value ?? '');
      continue;
    }
    if (open.length > maxDepth) break;
    const inner: Section = { values: new Map(), sections: [] };
    const innerPath = path === '' ? name : `${path}/${name}`;
    fields.take(index, line.length);
    if (named.test(innerPath)) fields.names.push([index, index + name.length]);
    section.sections.push([name, inner]);
    open.push({ path: innerPath, section: inner });
  }
  return { top, isWhole: false };
}
