// Compares versions of kernels as their distributions do: 6.9 is before 6.10, 6.1.0-rc1 before 6.1.0. Pure.

/** Negative where `a` is older. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = comparePart(left[at], right[at]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parts(version: string): string[] {
  return version.match(/\d+|[a-z]+|~/gi) ?? [];
}

function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  const [x, y] = [rank(a), rank(b)];
  if (x !== y) return x - y;
  if (a === undefined || b === undefined) return 0;
  // Digits of any length.
  if (x === 3 && y === 3) {
    const [p, q] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')];
    return p.length - q.length || (p < q ? -1 : p > q ? 1 : 0);
  }
  return a < b ? -1 : 1;
}

/** Orders the parts: a pre-release, the end of a version, words, numbers. */
function rank(part: string | undefined): number {
  if (part === undefined) return 1;
  if (/^(~|rc|alpha|beta|pre)$/i.test(part)) return 0;
  return /^\d/.test(part) ? 3 : 2;
}
