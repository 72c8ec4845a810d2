// The formats of an operator's answers, alike in every command: a table, wide, JSON, YAML, CSV, or names alone.
import type { Io } from '../command.ts';
import { formatOf, formatOptions, toJson, toYaml, type FormatArgs } from '../formats.ts';
import { csvLine } from '../../model/text/csv.ts';
import { columns } from '../text/table.ts';

export const outputOptions = {
  ...formatOptions,
  output: {
    ...formatOptions.output,
    choices: ['table', 'wide', 'json', 'yaml', 'csv', 'name'],
  },
} as const;

export type OutputArgs = FormatArgs<'table' | 'wide' | 'json' | 'yaml' | 'csv' | 'name'>;

/** A kind of document as people read it: its columns by their titles. */
export interface Shape<T> {
  readonly columns: Columns<T>;
  /** More columns, in wide tables and in CSV. */
  readonly wide?: Columns<T>;
  /** The name by which other commands take it. */
  readonly name: (document: T) => string;
}

type Columns<T> = Readonly<Record<string, (document: T) => string | null>>;

/** True for the formats that people read, in which machines have their names. */
export function isForPeople(args: OutputArgs): boolean {
  return !['json', 'yaml', 'name'].includes(formatOf(args) ?? 'table');
}

/** Prints documents. JSON and YAML have them as the server gave them. */
export async function printList<T>(
  io: Io,
  args: OutputArgs,
  documents: readonly T[],
  shape: Shape<T>,
): Promise<void> {
  const format = formatOf(args) ?? 'table';
  if (format === 'json' || format === 'yaml') return printDocument(io, args, documents);
  if (format === 'name') {
    io.print(documents.map((document) => `${shape.name(document)}\n`).join(''));
    return;
  }
  const chosen = format === 'table' ? shape.columns : { ...shape.columns, ...shape.wide };
  const rows = documents.map((document) => Object.values(chosen).map((cell) => cell(document)));
  const titles = Object.keys(chosen);
  if (format === 'csv') io.print([titles, ...rows].map(csvLine).join(''));
  else if (rows.length > 0) {
    const width = io.stdout.columns ?? Number.MAX_SAFE_INTEGER;
    io.print(`${columns(titles, rows, { width }).join('\n')}\n`);
  } else io.stderr.write('nothing found\n');
}

/** Prints one document, in YAML where no table can hold it. */
export async function printDocument(io: Io, args: OutputArgs, document: unknown): Promise<void> {
  io.print(formatOf(args) === 'json' ? toJson(document) : await toYaml(document));
}
