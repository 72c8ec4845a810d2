// The layout of keys: one table or index to a prefix, as in storage-schema.md. Whatever a name
// contains, its key is short printable ASCII without "/" in it, and different names differ.
import { createHash } from 'node:crypto';

/** Longer names are cut here and told apart by a hash. */
const longestPlain = 190;

/** Characters that stand for themselves; every other UTF-16 unit is written `~XXXX`. "~" comes after
 *  all of them, so that ASCII names keep their order. */
const plain = /^[ !-.0-}]*$/;

/** A name as part of a key. Names with a common beginning keep one (see `namePrefix`). */
export function keyPart(name: string): string {
  const escaped = escape(name);
  if (escaped.length <= longestPlain) return escaped;
  const hash = createHash('sha256').update(escaped).digest('hex');
  return `${escaped.slice(0, longestPlain)}~~${hash}`;
}

/** The beginning of `keyPart` of every name that begins with `prefix`, and perhaps of others. */
export function namePrefix(prefix: string): string {
  return escape(prefix).slice(0, longestPlain);
}

function escape(name: string): string {
  if (plain.test(name)) return name;
  let escaped = '';
  for (let i = 0; i < name.length; i += 1) {
    const unit = name.charAt(i);
    escaped += plain.test(unit)
      ? unit
      : `~${name.charCodeAt(i).toString(16).toUpperCase().padStart(4, '0')}`;
  }
  return escaped;
}

/** The name that a part of a key stands for; undefined where it was cut. */
export function partName(part: string): string | undefined {
  if (part.includes('~~')) return undefined;
  return part.replaceAll(/~([0-9A-F]{4})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The part after the last "/" of a key: a record's name as a part of keys. */
export function lastPart(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
