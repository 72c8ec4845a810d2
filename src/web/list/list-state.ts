// The state of the list: filter, order, columns, selection, keyboard row. It survives a visit to a machine's page;
// filter, order and columns are in the address too, so a view can be shared, saved and reloaded. Pure.
import type { Sort, SortColumn } from '../live/fleet.ts';

export interface ListState {
  readonly query: string;
  readonly sort: Sort;
  readonly columns: readonly Column[];
  /** True for lower rows, so that more fit. */
  readonly isCompact: boolean;
  readonly selected: ReadonlySet<string>;
  /** The row under the keyboard cursor. */
  readonly activeId: string | undefined;
}

const sortColumns: readonly SortColumn[] = [
  'name',
  'state',
  'liveness',
  'hardware',
  'address',
  'lastSeen',
  'model',
  'serial',
  'os',
  'template',
  'agent',
  'problems',
];

/** The columns between the name and the time that a machine was last seen, in their order. */
export const columns = {
  state: 'State',
  liveness: 'Liveness',
  hardware: 'Hardware',
  address: 'Address',
  model: 'Model',
  serial: 'Serial',
  os: 'System',
  template: 'Template',
  agent: 'Agent',
  problems: 'Problems',
  tags: 'Tags',
} as const;
export type Column = keyof typeof columns;

export const isColumn = (name: string): name is Column => Object.hasOwn(columns, name);
const defaultColumns: readonly Column[] = ['state', 'liveness', 'hardware', 'address', 'tags'];
const defaultSort: Sort = { column: 'name', descending: false };

/** Reads filter and order from an address's query string. */
export function listStateOf(search: string): ListState {
  const parameters = new URLSearchParams(search);
  const sort = parameters.get('sort') ?? '';
  const column = sortColumns.find((name) => name === sort.replace(/^-/, ''));
  return {
    query: parameters.get('q') ?? '',
    sort: column === undefined ? defaultSort : { column, descending: sort.startsWith('-') },
    columns: columnsOf(parameters.get('columns')),
    isCompact: parameters.get('rows') === 'compact',
    selected: new Set(),
    activeId: undefined,
  };
}

function columnsOf(text: string | null): readonly Column[] {
  if (text === null) return defaultColumns;
  const named = new Set(text.split('.'));
  return Object.keys(columns)
    .filter(isColumn)
    .filter((column) => named.has(column));
}

/** The columns with one more, or without it. */
export function toggledColumn(shown: readonly Column[], column: Column): readonly Column[] {
  const has = shown.includes(column);
  return Object.keys(columns)
    .filter(isColumn)
    .filter((one) => (one === column ? !has : shown.includes(one)));
}

/** The address of the list in this state. */
export function listPath({
  query,
  sort,
  columns: shown,
  isCompact,
}: Omit<ListState, 'selected' | 'activeId'>): string {
  const parameters = new URLSearchParams();
  if (query !== '') parameters.set('q', query);
  if (sort.column !== defaultSort.column || sort.descending) {
    parameters.set('sort', `${sort.descending ? '-' : ''}${sort.column}`);
  }
  if (shown.join() !== defaultColumns.join()) parameters.set('columns', shown.join('.'));
  if (isCompact) parameters.set('rows', 'compact');
  const search = parameters.toString();
  return search === '' ? '/machines' : `/machines?${search}`;
}

/** The address of the machines that a search finds. */
export function searchPath(query: string): string {
  return `/machines?${new URLSearchParams({ q: query }).toString()}`;
}

/** The order after a click on a column's head: by that column, or reversed if it was that already. */
export function sortBy(sort: Sort, column: SortColumn): Sort {
  return { column, descending: sort.column === column && !sort.descending };
}

/** Adds one id to the selection, or removes it. */
export function toggled(selected: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(selected);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** Adds all ids from one row to another to the selection. */
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
