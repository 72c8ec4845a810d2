// Compares versions. Source: Semantic Versioning 2.0.0, clause 11.

const shape =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{1,64})?$/;

/** Negative if `a` is older than `b`, positive if newer, zero if neither; undefined if either is not a
 *  version. */
export function compareVersions(a: string, b: string): number | undefined {
  const [one, other] = [parse(a), parse(b)];
  if (one === undefined || other === undefined) return undefined;
  for (const [i, number] of one.numbers.entries()) {
    const difference = number - (other.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return comparePreReleases(one.preRelease, other.preRelease);
}

interface Version {
  readonly numbers: readonly number[];
  /** "rc.1" → ["rc", "1"]; none for a release. */
  readonly preRelease: readonly string[];
}

function parse(text: string): Version | undefined {
  const match = shape.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch, preRelease] = match;
  return { numbers: [major, minor, patch].map(Number), preRelease: preRelease?.split('.') ?? [] };
}

function comparePreReleases(a: readonly string[], b: readonly string[]): number {
  // A release is newer than its pre-releases.
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  for (const [i, part] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    const difference = compareParts(part, other);
    if (difference !== 0) return difference;
  }
  return a.length === b.length ? 0 : -1;
}

/** Numbers by their value and before words; words by their characters. */
function compareParts(a: string, b: string): number {
  const [isNumber, otherIsNumber] = [a, b].map((part) => /^\d+$/.test(part));
  if (isNumber && otherIsNumber) return Math.sign(Number(a) - Number(b));
  if (isNumber !== otherIsNumber) return isNumber ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
