// Lays out text in columns for a terminal, at worst a serial console of 80 columns.

export const consoleColumns = 80;

/** Aligns rows in columns. If they do not fit, the widest columns are cut, marked "~". A column that is
 *  empty in every row is left out. */
export function columns(
  titles: readonly string[],
  rows: readonly (readonly (string | null)[])[],
  { indent = 0, width = consoleColumns }: { indent?: number; width?: number } = {},
): string[] {
  const cells = rows.map((row) => row.map((cell) => printable(cell ?? '')));
  const used = titles.flatMap((_, i) => (cells.some((row) => row[i] !== '') ? [i] : []));
  const all = [titles, ...cells].map((row) => used.map((i) => row[i] || '-'));
  const widths = fit(
    used.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0))),
    width - indent,
  );
  return all.map((row) =>
    `${' '.repeat(indent)}${row.map((cell, i) => cut(cell, widths[i] ?? 0)).join('  ')}`.trimEnd(),
  );
}

/** Aligns `name  value` lines, wrapping the values at blanks. */
export function pairs(
  rows: readonly (readonly [name: string, value: string | null])[],
  width = consoleColumns,
): string[] {
  const nameWidth = Math.max(...rows.map(([name]) => name.length));
  return rows.flatMap(([name, value]) => {
    const lines = wrap(printable(value ?? '-'), width - nameWidth - 2);
    return lines.map((line, i) => `${(i === 0 ? name : '').padEnd(nameWidth)}  ${line}`);
  });
}

/** Breaks a text at blanks into lines of at most `width` characters, and within a word that is longer. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
    while (line.length > width) {
      lines.push(line.slice(0, width));
      line = line.slice(width);
    }
  }
  return [...lines, line];
}

/** Replaces control characters, so that a device's name cannot move the cursor. */
export function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?');
}

/** Replaces control characters and marks of direction, but for the ends of lines and tabs. */
export function harmless(text: string): string {
  return text.replaceAll(
    /(?!\r\n|[\n\t])[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/gu,
    '?',
  );
}

/** Narrows the widest column until all fit. */
function fit(widths: readonly number[], width: number): number[] {
  const fitted = [...widths];
  const gaps = 2 * (fitted.length - 1);
  for (;;) {
    const excess = fitted.reduce((sum, w) => sum + w, gaps) - width;
    const widest = Math.max(...fitted);
    if (excess <= 0 || widest <= 4) return fitted;
    fitted[fitted.indexOf(widest)] = widest - 1;
  }
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}~` : text.padEnd(width);
}
