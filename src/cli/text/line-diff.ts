// The lines that two texts do not have in common, as `diff -u` shows them. Pure.

/** Lines around a change. */
const around = 3;

/** Lines with "-" (only before), "+" (only after) or a blank in front; lines left out between are one "…". Empty where
 *  both are the same. */
export function lineDiff(before: string, after: string): string[] {
  const lines = marked(before.split('\n'), after.split('\n'));
  const isNear = lines.map((_, i) =>
    lines.slice(Math.max(0, i - around), i + around + 1).some((line) => !line.startsWith(' ')),
  );
  if (!isNear.includes(true)) return [];
  return lines.flatMap((line, i) => {
    if (isNear[i] === true) return [line];
    return isNear[i - 1] === false ? [] : ['…'];
  });
}

/** All lines of both texts: a longest run of common ones, and the rest where it stands. */
function marked(before: readonly string[], after: readonly string[]): string[] {
  const common = commonLengths(before, after);
  const lines: string[] = [];
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    const [old, young] = [before[i], after[j]];
    if (old !== undefined && old === young) {
      lines.push(` ${old}`);
      i += 1;
      j += 1;
    } else if (old !== undefined && (common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0)) {
      lines.push(`-${old}`);
      i += 1;
    } else {
      lines.push(`+${young ?? ''}`);
      j += 1;
    }
  }
  return lines;
}

/** At [i][j] the length of the longest common subsequence of what follows line i and line j. */
function commonLengths(before: readonly string[], after: readonly string[]): number[][] {
  const lengths = Array.from({ length: before.length + 1 }, () =>
    Array.from({ length: after.length + 1 }, () => 0),
  );
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const row = lengths[i] ?? [];
      const below = lengths[i + 1] ?? [];
      row[j] =
        before[i] === after[j] ? 1 + (below[j + 1] ?? 0) : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return lengths;
}
