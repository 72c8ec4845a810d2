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

/** Suggestions for the term that ends at `caret`; none where it is complete. */
export function completeAt(query: string, caret: number, vocabulary: Vocabulary): Completion {
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
    return { from, to: caret, suggestions };
  }
  if (!isTextField(field)) return none;
  const suggestions = valuesOf(field, value, vocabulary)
    .map(([text, says]) => ({
      term: `${minus}${field}:${isWhole ? '=' : ''}${quoted(text)}`,
      says,
    }))
    .filter((suggestion) => suggestion.term !== written);
  return { from, to: caret, suggestions };
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
