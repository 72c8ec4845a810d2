// The formats of answers, alike in every reading command of all programs: for people, JSON or YAML.
import { stringifyExact } from '../core/text/exact-json.ts';

export const formatOptions = {
  output: {
    type: 'string',
    short: 'o',
    choices: ['table', 'json', 'yaml'],
    describe: 'the output format (default: table)',
    excludes: ['json', 'yaml'],
  },
  json: { type: 'boolean', describe: 'the same as -o json', excludes: ['yaml'] },
  yaml: { type: 'boolean', describe: 'the same as -o yaml' },
} as const;

/** The options as they were given. `Format`: the forms that the command has. */
export interface FormatArgs<Format extends string = 'table' | 'json' | 'yaml'> {
  readonly output: Format | undefined;
  readonly json: boolean;
  readonly yaml: boolean;
}

/** Undefined: as the command prints it unasked. */
export function formatOf<Format extends string>({
  output,
  json,
  yaml,
}: FormatArgs<Format>): Format | 'json' | 'yaml' | undefined {
  if (json) return 'json';
  return yaml ? 'yaml' : output;
}

/** A document as JSON or YAML; undefined where it is asked for as people read it. */
export async function asData(args: FormatArgs, document: unknown): Promise<string | undefined> {
  const format = formatOf(args);
  if (format === 'json') return toJson(document);
  return format === 'yaml' ? toYaml(document) : undefined;
}

/** The same for one document of many that follow each other: a line of JSON, or a YAML document of its own. */
export async function asDataLine(args: FormatArgs, document: unknown): Promise<string | undefined> {
  const format = formatOf(args);
  if (format === 'json') return `${escaped(stringifyExact(document))}\n`;
  return format === 'yaml' ? `---\n${await toYaml(document)}` : undefined;
}

export function toJson(document: unknown): string {
  return `${escaped(stringifyExact(document, 2))}\n`;
}

export async function toYaml(value: unknown): Promise<string> {
  const { Document, Scalar, visit } = await import('yaml');
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      // Nothing is escaped in other forms.
      if (typeof node.value === 'string' && node.value.search(hidden) >= 0)
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return escaped(document.toString());
}

/** Characters that a terminal obeys, or that reorder text: controls beyond ASCII and marks of direction. JSON and YAML
 *  allow them unescaped, and a machine may report any. */
const hidden = /[\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/g;

function escaped(text: string): string {
  return text.replaceAll(
    hidden,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
