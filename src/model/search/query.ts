// The search language, alike in the page, the API and the command line: words, `field:value`, quotes around
// what has blanks, a minus before what must not match. Pure.
import {
  fieldNames,
  isTextField,
  isTimeField,
  textFieldOf,
  type TextFieldName,
  type TimeFieldName,
} from './fields.ts';
import { type Facts } from './facts.ts';

export interface Term {
  /** In lower case; undefined: a word. */
  readonly field: string | undefined;
  /** In lower case, without its quotes. */
  readonly value: string;
  /** `field:=value`: the whole of it is compared. */
  readonly isWhole: boolean;
  readonly isNegated: boolean;
  /** Its place in the query. */
  readonly from: number;
  readonly to: number;
}

/** A term that looks at texts: it holds where one line of its field does. */
export interface TextTerm {
  /** undefined: all that words look in. */
  readonly field: TextFieldName | undefined;
  /** Part of a line, its beginning, the whole of it; or, with asterisks, the parts around them in their order. */
  readonly how: 'part' | 'start' | 'whole' | 'spelt';
  /** One of these spellings; of `spelt`, all of these parts. */
  readonly wanted: readonly string[];
  readonly isNegated: boolean;
}

/** A term that looks at a time: it holds where that is before another, or not before it. Of a machine without that
 *  time neither holds. */
export interface TimeTerm {
  readonly field: TimeFieldName;
  readonly isBefore: boolean;
  readonly sinceMs: number;
  readonly isNegated: boolean;
}

export type ReadTerm = TextTerm | TimeTerm;

type Test = (facts: Facts) => boolean;

export interface Search {
  readonly matches: Test;
  /** Its terms: a machine which fails one need not be read. */
  readonly terms: readonly ReadTerm[];
  /** The fault of the query, in a sentence; nothing matches it then. */
  readonly fault: string | undefined;
  /** A term that is still being typed, in a sentence: it filters nothing, which nobody wants who types no more. */
  readonly unfinished: string | undefined;
}

const token = /(-?)(?:([a-z][\w-]*):(=?))?(?:"((?:[^"\\]|\\.)*)"?|(\S*))/giy;
/** Parts of a MAC or IPv6 address, which have colons and are no fields. */
const address = /^-?[0-9a-f]{0,4}(?::[0-9a-f]{0,4})+$/i;

export function parseQuery(query: string): Term[] {
  const terms: Term[] = [];
  let at = 0;
  while ((at += /^\s*/.exec(query.slice(at))?.[0].length ?? 0) < query.length) {
    token.lastIndex = at;
    const [text = '', minus, name, equals, inQuotes, bare = ''] = token.exec(query) ?? [];
    const from = at;
    // At least one character is taken, so that this ends whatever is there.
    at += Math.max(1, text.length);
    const value = (inQuotes?.replaceAll(/\\(.)/g, '$1') ?? bare).toLowerCase();
    const place = { isWhole: equals === '=', isNegated: minus === '-', from, to: at };
    const field = name?.toLowerCase();
    if (field !== undefined && !isField(field) && address.test(text)) {
      terms.push({ field: undefined, value: `${field}:${value}`, ...place });
    } else terms.push({ field, value, ...place });
  }
  return terms;
}

/** Writes a text so that it is read as one word, or one value. */
export function quoted(text: string): string {
  return /^[^\s":-][^\s":]*$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** A test for machines; all terms must hold. A term without a value, still being typed, filters nothing.
 *  `nowMs`: the time that ages count from. */
export function compileQuery(query: string, nowMs: number): Search {
  const terms: ReadTerm[] = [];
  let unfinished: string | undefined;
  for (const term of parseQuery(query)) {
    const read = readTerm(term, nowMs);
    if (typeof read === 'string')
      return { matches: () => false, terms: [], fault: read, unfinished };
    if (term.value === '' || read === undefined) {
      unfinished ??= `"${query.slice(term.from, term.to)}" is not complete, and would leave no machine out`;
      continue;
    }
    terms.push(read);
  }
  const tests = terms.map((term) => {
    const test = 'sinceMs' in term ? timeTest(term) : textTest(term);
    return term.isNegated ? (facts: Facts) => !test(facts) : test;
  });
  return {
    matches: (facts) => tests.every((test) => test(facts)),
    terms,
    fault: undefined,
    unfinished,
  };
}

function isField(name: string): boolean {
  return isTextField(name) || isTimeField(name);
}

/** The meaning of one term, or the sentence that says why it has none; undefined: it is still being typed. */
function readTerm(term: Term, nowMs: number): ReadTerm | string | undefined {
  const { field, value, isNegated } = term;
  if (field === undefined) {
    return { field, how: 'part', wanted: spellingsOf(value), isNegated };
  }
  if (isTextField(field)) return textTerm(field, term);
  return isTimeField(field) ? timeTerm(field, term, nowMs) : unknownField(field);
}

function textTerm(field: TextFieldName, { value, isWhole, isNegated }: Term): TextTerm | string {
  const { how, values } = textFieldOf(field);
  if (!isWhole && value.includes('*')) {
    return { field, how: 'spelt', wanted: value.split('*'), isNegated };
  }
  if (values !== undefined && !values.some((known) => known.startsWith(value))) {
    return `no machine has ${field}:${value}; it is one of ${values.join(', ')}`;
  }
  const wanted = field === 'mac' || field === 'bmc' ? spellingsOf(value) : [value];
  return { field, how: isWhole ? 'whole' : how, wanted, isNegated };
}

/** True for the facts of which the term holds. */
export function textTest({ field, how, wanted }: TextTerm): Test {
  const of: (facts: Facts) => string | undefined =
    field === undefined ? ({ plain }) => plain : ({ texts }) => texts[field];
  if (how === 'spelt') {
    return (facts) => linesIn(of(facts)).some((line) => isSpelt(line, wanted));
  }
  const edges = { part: ['', ''], start: ['\n', ''], whole: ['\n', '\n'] } as const;
  const [before, after] = edges[how];
  const edged = wanted.map((text) => before + text + after);
  return (facts) => {
    const lines = of(facts);
    return lines !== undefined && edged.some((text) => lines.includes(text));
  };
}

function linesIn(texts: string | undefined): string[] {
  return texts === undefined ? [] : texts.slice(1, -1).split('\n');
}

/** True if the text begins with the first part and ends with the last, the others in between in their order. */
export function isSpelt(text: string, parts: readonly string[]): boolean {
  const [first = '', ...others] = parts;
  const last = others.pop() ?? '';
  let at = first.length;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at + last.length <= text.length;
}

/** The spellings under which a word is looked for: as written, and a MAC or its beginning with colons. */
function spellingsOf(word: string): string[] {
  if (/^[0-9a-f]{2}(?:-[0-9a-f]{2}){1,19}$/.test(word)) return [word, word.replaceAll('-', ':')];
  if (/^[0-9a-f]{4}(?:\.[0-9a-f]{4}){1,2}$/.test(word)) return [word, word.replaceAll('.', '')];
  return [word];
}

const unitsMs: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

function timeTerm(
  field: TimeFieldName,
  { value, isNegated }: Term,
  nowMs: number,
): TimeTerm | string | undefined {
  const [, older, count, unit = ''] = /^(>?)(\d{1,6})([mhdw])$/.exec(value) ?? [];
  if (count === undefined) {
    return /^>?\d{0,6}$/.test(value)
      ? undefined
      : `"${value}" is not an age: write ${field}:24h, ${field}:7d, or ${field}:>7d for longer ago`;
  }
  const sinceMs = nowMs - Number(count) * (unitsMs[unit] ?? 0);
  return { field, isBefore: older === '>', sinceMs, isNegated };
}

function timeTest(term: TimeTerm): Test {
  return ({ timesMs }) => isAtTime(timesMs[term.field] ?? NaN, term);
}

/** True if the term holds of a time; NaN: there is none. */
export function isAtTime(atMs: number, { isBefore, sinceMs }: TimeTerm): boolean {
  return isBefore ? atMs < sinceMs : atMs >= sinceMs;
}

function unknownField(name: string): string {
  const near = nearest(name);
  const hint =
    near === undefined
      ? `there are ${fieldNames.map(([known]) => known).join(', ')}`
      : `did you mean ${near}:`;
  return `there is no field "${name}"; ${hint}; put quotes around a text that has a colon`;
}

/** The field that takes the fewest changes of a letter to write. */
function nearest(name: string): string | undefined {
  const by = fieldNames
    .map(([known]) => ({ known, steps: known.startsWith(name) ? 0.5 : distance(name, known) }))
    .toSorted((a, b) => a.steps - b.steps);
  const [best] = by;
  return best !== undefined && best.steps <= Math.max(1, name.length / 3) ? best.known : undefined;
}

/** Levenshtein's distance, where two letters the wrong way round count once as well. */
function distance(one: string, other: string): number {
  let [before, row]: [number[], number[]] = [
    [],
    Array.from({ length: other.length + 1 }, (_, i) => i),
  ];
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const isSame = one[i - 1] === other[j - 1];
      let steps = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        steps = Math.min(steps, (before[j - 2] ?? 0) + 1);
      }
      next.push(steps);
    }
    before = row;
    row = next;
  }
  return row[other.length] ?? 0;
}
