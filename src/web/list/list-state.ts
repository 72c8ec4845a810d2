// What the operator has set up in the list: filter, sort, selection, place. It outlives a visit to a
// machine's page; filter and sort are in the address as well, to be shared and reloaded. Pure.
import type { Sort, SortColumn } from '../live/fleet.ts';

export interface ListState {
  readonly query: string;
  readonly sort: Sort;
  readonly selected: ReadonlySet<string>;
  /** The row that the keyboard is on. */
  readonly activeId: string | undefined;
}

const columns: readonly SortColumn[] = [
  'name',
  'state',
  'liveness',
  'hardware',
  'address',
  'lastSeen',
];
const defaultSort: Sort = { column: 'name', descending: false };

/** The list as an address's search part describes it. */
export function listStateOf(search: string): ListState {
  const parameters = new URLSearchParams(search);
  const sort = parameters.get('sort') ?? '';
  const column = columns.find((name) => name === sort.replace(/^-/, ''));
  return {
    query: parameters.get('q') ?? '',
    sort: column === undefined ? defaultSort : { column, descending: sort.startsWith('-') },
    selected: new Set(),
    activeId: undefined,
  };
}

/** The list's address. */
export function listPath({ query, sort }: ListState): string {
  const parameters = new URLSearchParams();
  if (query !== '') parameters.set('q', query);
  if (sort.column !== defaultSort.column || sort.descending) {
    parameters.set('sort', `${sort.descending ? '-' : ''}${sort.column}`);
  }
  const search = parameters.toString();
  return search === '' ? '/' : `/?${search}`;
}

/** The sort after a click on a column's head: that column, or the other direction. */
export function sortBy(sort: Sort, column: SortColumn): Sort {
  return { column, descending: sort.column === column && !sort.descending };
}

/** The selection with one id put in or taken out. */
export function toggled(selected: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(selected);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** The selection with all ids from one row to another put in. */
export function withRange(
  selected: ReadonlySet<string>,
  ids: readonly string[],
  from: string | undefined,
  to: string,
): ReadonlySet<string> {
  const end = ids.indexOf(to);
  const start = from === undefined ? end : ids.indexOf(from);
  if (end < 0 || start < 0) return toggled(selected, to);
  return new Set([...selected, ...ids.slice(Math.min(start, end), Math.max(start, end) + 1)]);
}
