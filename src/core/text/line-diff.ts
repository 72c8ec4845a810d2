// The difference between two texts, line by line. Pure.

export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added' | 'left out';
  readonly text: string;
}

/** Beyond so many pairs of lines, what differs is shown as removed and added in one piece. */
const mostPairs = 4_000_000;
/** The equal lines that are shown around a change. */
const around = 3;

/** The lines of both, with those of `before` first where they differ, and equal ones far from a change left out. */
export function diffOf(before: string, after: string): readonly DiffLine[] {
  return shortened(diffLines(linesIn(before), linesIn(after)));
}

function linesIn(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  return [
    ...linesOf('same', before.slice(0, head)),
    ...differing(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...linesOf('same', before.slice(before.length - tail)),
  ];
}

function linesOf(kind: DiffLine['kind'], texts: readonly string[]): DiffLine[] {
  return texts.map((text) => ({ kind, text }));
}

/** By the longest common subsequence. */
function differing(before: readonly string[], after: readonly string[]): DiffLine[] {
  if (before.length * after.length > mostPairs) {
    return [...linesOf('removed', before), ...linesOf('added', after)];
  }
  const common = commonLengths(before, after);
  const length = (i: number, j: number): number => common[i]?.[j] ?? 0;
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [gone, come] = [before[i], after[j]];
    if (gone !== undefined && gone === come) {
      lines.push({ kind: 'same', text: gone });
      i += 1;
      j += 1;
    } else if (come === undefined || (gone !== undefined && length(i + 1, j) >= length(i, j + 1))) {
      lines.push({ kind: 'removed', text: gone ?? '' });
      i += 1;
    } else {
      lines.push({ kind: 'added', text: come });
      j += 1;
    }
  }
  return lines;
}

/** At `[i][j]` the number of lines that the rests from `i` and `j` on have in common. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array[] {
  const rows = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i -= 1) {
    const [row, below] = [rows[i], rows[i + 1]];
    if (row === undefined || below === undefined) continue;
    for (let j = after.length - 1; j >= 0; j -= 1) {
      row[j] =
        before[i] === after[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return rows;
}

function shortened(lines: readonly DiffLine[]): DiffLine[] {
  const isNear = lines.map((_, i) =>
    lines.slice(Math.max(0, i - around), i + around + 1).some(({ kind }) => kind !== 'same'),
  );
  return lines.flatMap((line, i): DiffLine[] => {
    if (isNear[i] === true) return [line];
    return i > 0 && isNear[i - 1] === false ? [] : [{ kind: 'left out', text: '' }];
  });
}
