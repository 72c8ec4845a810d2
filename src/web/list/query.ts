// The chips' part of a search: one term of a field, put in and taken out. Pure; no DOM.
import { parseQuery } from '../../model/search/query.ts';

/** True if the query has exactly this `field:value` term. */
export function hasTerm(query: string, field: string, value: string): boolean {
  return parseQuery(query).some((t) => t.field === field && t.value === value && !t.isNegated);
}

/** Puts `field:value` in place of other terms of that field, or removes it if it is there. */
export function toggleTerm(query: string, field: string, value: string): string {
  const others = parseQuery(query)
    .filter((term) => term.field !== field)
    .map(({ from, to }) => query.slice(from, to));
  return hasTerm(query, field, value)
    ? others.join(' ')
    : [...others, `${field}:${value}`].join(' ');
}
