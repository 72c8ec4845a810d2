// The texts of a machine as bytes that a search goes through: a line for each text, which begins with the fields
// that have it. What is found here is what the search language finds in the texts themselves.
import {
  textFieldNames,
  textFieldOf,
  type Searched,
  type TextFieldName,
} from '../../../model/search/fields.ts';
import { linesOf } from '../../../model/search/facts.ts';
import { isSpelt, type TextTerm } from '../../../model/search/query.ts';
import type { Mark, Rows } from './block.ts';

const lineEnd = 0x0a;
const firstOfText = 0x20;
/** The number of lines among which one is looked for. */
const few = 64;

/** Each field by a control character, which no text has. Liveness is not among them: it changes while no record does. */
const codes: ReadonlyMap<TextFieldName, number> = new Map(
  textFieldNames
    .filter((name) => name !== 'live')
    .map((name, i) => [name, i + 1 < lineEnd ? i + 1 : i + 2]),
);
const plainCodes = [...codes].filter(([name]) => textFieldOf(name).isPlain).map(([, code]) => code);

/** The lines of a machine, one after another. The first ones are there once, the others once for each field. */
export function encodeTexts(machine: Searched): string {
  const lines: string[] = [];
  const fieldsOf: string[] = [];
  for (const [name, code] of codes) {
    const field = String.fromCharCode(code);
    for (const line of linesOf(name, machine)) {
      const known = lines.length > few ? -1 : lines.indexOf(line);
      if (known < 0) lines.push(line);
      if (known < 0) fieldsOf.push(field);
      else fieldsOf[known] += field;
    }
  }
  return lines.map((line, i) => `${fieldsOf[i] ?? ''}${line}\n`).join('');
}

/** A term as it is looked for in lines. */
export class LineSearch implements Mark {
  readonly isNegated: boolean;
  readonly #term: TextTerm;
  readonly #needles: readonly Buffer[];
  /** Nonzero for the codes of the fields that it looks at. */
  readonly #fields = new Uint8Array(firstOfText);

  private constructor(term: TextTerm) {
    const { field, how, wanted, isNegated } = term;
    this.isNegated = isNegated;
    this.#term = term;
    const own = field === undefined ? plainCodes : [codes.get(field) ?? 0];
    for (const code of own) this.#fields[code] = 1;
    const longest = wanted.toSorted((a, b) => b.length - a.length).slice(0, 1);
    const texts = how === 'spelt' ? longest : wanted;
    // A line that has any text at all has the code of its field.
    this.#needles = texts.map((text) =>
      text === ''
        ? Buffer.from(own.slice(0, 1))
        : Buffer.from(how === 'whole' ? `${text}\n` : text),
    );
  }

  /** undefined for a term that lines do not answer as texts do. */
  static of(term: TextTerm): LineSearch | undefined {
    const isInLines = term.field === undefined || codes.has(term.field);
    // Neither a control character nor half a character is among the bytes as it is in a text.
    const isPlain = term.wanted.every(
      (text) => text.isWellFormed() && !/[\p{Cc}\uFFFD]/u.test(text),
    );
    return isInLines && isPlain ? new LineSearch(term) : undefined;
  }

  mark(rows: Rows, found: Uint8Array): void {
    for (const needle of this.#needles) this.#markOne(needle, rows, found);
  }

  #markOne(needle: Buffer, { bytes, ends }: Rows, found: Uint8Array): void {
    let machine = 0;
    let at = bytes.indexOf(needle);
    while (at >= 0) {
      while (at >= (ends[machine] ?? Infinity)) machine += 1;
      const end = ends[machine];
      if (end === undefined) return;
      const isHit = found[machine] === 1 || this.#isHit(bytes, at);
      if (isHit) found[machine] = 1;
      at = bytes.indexOf(needle, isHit ? end : at + 1);
    }
  }

  /** True if what was found at `at` is found in its line as well. */
  #isHit(bytes: Buffer, at: number): boolean {
    let start = at === 0 ? 0 : bytes.lastIndexOf(lineEnd, at - 1) + 1;
    let isOfField = false;
    // Each line has a text, at which this ends.
    for (let code = bytes[start] ?? 0; code < firstOfText; code = bytes[start] ?? firstOfText) {
      if (this.#fields[code] === 1) isOfField = true;
      start += 1;
    }
    if (!isOfField) return false;
    const { how, wanted } = this.#term;
    if (how === 'part') return true;
    if (how !== 'spelt') return at === start;
    return isSpelt(bytes.toString('utf8', start, bytes.indexOf(lineEnd, start)), wanted);
  }
}
