// Completion of the search language: the fields and values that may follow where somebody is typing. Pure.
import { fieldNames, isTextField, textFieldOf, type TextFieldName } from './fields.ts';
import { parseQuery, quoted } from './query.ts';

interface Suggestion {
  /** The term as it would stand in the query. */
  readonly term: string;
  readonly says: string;
}

export interface Completion {
  /** The part of the query that a suggestion takes the place of. */
  readonly from: number;
  readonly to: number;
  readonly suggestions: readonly Suggestion[];
}

/** The values that machines have in a field, and how many have each. */
export type Vocabulary = (field: TextFieldName) => ReadonlyMap<string, number>;

const most = 8;

/** Suggestions for the term that is written up to `caret`; none where it is complete. What is left of it behind the
 *  caret goes with it. */
export function completeAt(query: string, caret: number, vocabulary: Vocabulary): Completion {
  const after = query.slice(caret);
  const term = parseQuery(query.slice(0, caret)).at(-1);
  const none = { from: caret, to: caret, suggestions: [] };
  if (term === undefined || term.to !== caret) return none;
  const { field, value, isWhole, isNegated, from } = term;
  const minus = isNegated ? '-' : '';
  const written = query.slice(from, caret);
  if (field === undefined) {
    if (value === '' || written.includes('"')) return none;
    const fields = fieldNames.filter(([name]) => name.startsWith(value)).slice(0, most);
    const suggestions = fields.map(([name, says]) => ({ term: `${minus}${name}:`, says }));
    return { from, to: caret + restOfName(value, after), suggestions };
  }
  if (!isTextField(field)) return none;
  const suggestions = valuesOf(field, value, vocabulary)
    .map(([text, says]) => ({
      term: `${minus}${field}:${isWhole ? '=' : ''}${quoted(text)}`,
      says,
    }))
    .filter((suggestion) => suggestion.term !== written);
  return { from, to: caret + restOfValue(written, after), suggestions };
}

/** The length of the rest, behind the caret, of a field's name that was begun, with its colon. A word there is left alone. */
function restOfName(begun: string, after: string): number {
  const [rest = '', name = '', colon = ''] = /^([a-z]*)(:?)/i.exec(after) ?? [];
  const isName = fieldNames.some(([field]) => field.startsWith(begun + name.toLowerCase()));
  return colon !== '' || isName ? rest.length : 0;
}

/** The length of the rest of a value behind the caret: up to its quote, or to a blank where it has none. */
function restOfValue(written: string, after: string): number {
  const rest = written.includes('"') ? /^[^":]*"/ : /^[^\s"]*/;
  return rest.exec(after)?.[0].length ?? 0;
}

function valuesOf(field: TextFieldName, value: string, vocabulary: Vocabulary): [string, string][] {
  const counts = vocabulary(field);
  const all = textFieldOf(field).values ?? [...counts.keys()];
  const starting = all.filter((text) => text.startsWith(value));
  const holding = all.filter((text) => !text.startsWith(value) && text.includes(value));
  const byCount = (a: string, b: string): number => (counts.get(b) ?? 0) - (counts.get(a) ?? 0);
  return [...starting.toSorted(byCount), ...holding.toSorted(byCount)]
    .slice(0, most)
    .map((text) => [text, (counts.get(text) ?? 0).toLocaleString('en')]);
}
