// The machines that are shown, as CSV and JSON, and the way to a file.
import { csvLine } from '../../model/text/csv.ts';
import { isoOf } from '../parts/format.ts';
import type { Row } from './rows/row.ts';
import { tagsText } from '../../model/text/tags-text.ts';

const columns: Readonly<Record<string, (row: Row) => string | number | undefined | null>> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  memorable_name: ({ memorableName }) => memorableName,
  state: ({ state }) => state,
  liveness: ({ liveness }) => liveness,
  model: ({ model }) => model,
  serial: ({ serial }) => serial,
  hardware: ({ hardware }) => hardware,
  address: ({ address }) => address,
  mac: ({ mac }) => mac,
  os: ({ os }) => os,
  template: ({ template }) => template,
  tags: ({ tags }) => tagsText(tags),
  agent: ({ agent }) => agent,
  problems: ({ problems }) => problems,
  error: ({ errorMessage }) => errorMessage,
  last_seen: ({ lastSeenMs }) => isoOf(lastSeenMs),
};

export function csvOf(rows: readonly Row[]): string {
  const cells = rows.map((row) =>
    Object.values(columns).map((of) => {
      const value = of(row);
      return value === undefined || value === null ? null : String(value);
    }),
  );
  return [Object.keys(columns), ...cells].map(csvLine).join('');
}

export function jsonOf(rows: readonly Row[]): string {
  const documents = rows.map((row) => ({
    ...Object.fromEntries(Object.entries(columns).map(([name, of]) => [name, of(row) ?? null])),
    tags: row.tags,
  }));
  return `${JSON.stringify(documents, undefined, 2)}\n`;
}

/** Lets the browser save it as a file. */
export function save(name: string, type: string, content: string | Blob): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
