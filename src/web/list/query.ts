// The filter language: `rack-4 state:error -tag:spare live:gone`. Pure; no DOM.
import type { Row } from './row.ts';

interface Term {
  readonly field: string | undefined;
  readonly value: string;
  readonly negated: boolean;
}

/** The fields that a term can name, and how each compares. */
const fields: Readonly<Record<string, (row: Row, value: string) => boolean>> = {
  state: (row, value) => row.state.toLowerCase().startsWith(value),
  live: (row, value) => row.liveness.startsWith(value),
  tag: (row, value) => row.tags.some((tag) => matchesWildcard(tag.toLowerCase(), value)),
  os: (row, value) => matchesWildcard((row.template ?? '').toLowerCase(), value),
};

/** A trailing `*` matches anything. Without it the whole text is compared, so rack-1 is not rack-10. */
function matchesWildcard(text: string, pattern: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

function parse(query: string): Term[] {
  const terms: Term[] = [];
  for (const [, minus, name, quoted, bare] of query.matchAll(
    /(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+)|(?<=:))/gi,
  )) {
    const known = name !== undefined && Object.hasOwn(fields, name.toLowerCase());
    const text = (quoted ?? bare ?? '').toLowerCase();
    terms.push({
      field: known ? name.toLowerCase() : undefined,
      // An unknown field counts as plain text, so that a MAC address or a URL can be typed.
      value: known || name === undefined ? text : `${name.toLowerCase()}:${text}`,
      negated: minus === '-',
    });
  }
  return terms;
}

/** Returns a test for rows. All terms must match; a bare `field:`, still being typed, filters nothing. */
export function compileQuery(query: string): (row: Row) => boolean {
  const terms = parse(query).filter((term) => term.value !== '');
  return (row) =>
    terms.every((term) => {
      const field = term.field === undefined ? undefined : fields[term.field];
      const holds = field?.(row, term.value) ?? row.searchText.includes(term.value);
      return holds !== term.negated;
    });
}

/** True if the query has exactly this `field:value` term. */
export function hasTerm(query: string, field: string, value: string): boolean {
  return parse(query).some((t) => t.field === field && t.value === value && !t.negated);
}

/** Puts `field:value` in place of other terms of that field, or removes it if it is there. */
export function toggleTerm(query: string, field: string, value: string): string {
  const others = query.split(/\s+/).filter((word) => word !== '' && !word.startsWith(`${field}:`));
  return hasTerm(query, field, value)
    ? others.join(' ')
    : [...others, `${field}:${value}`].join(' ');
}
