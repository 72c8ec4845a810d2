// CSV as spreadsheets read it. Pure.

/** The beginnings that spreadsheets take for a formula's, the wide signs too. Source: OWASP, "CSV Injection". */
const formula = /^[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]/;

/** RFC 4180. A cell that a spreadsheet would take for a formula is quoted for it: names come from machines. */
export function csvLine(cells: readonly (string | null)[]): string {
  const quoted = cells.map((cell) => {
    const text = formula.test(cell ?? '') ? `'${cell}` : (cell ?? '');
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${quoted.join(',')}\r\n`;
}
