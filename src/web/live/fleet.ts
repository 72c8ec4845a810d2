// All machines the page knows, and the filtered, sorted view of them. Changes are batched: a thousand of
// them rebuild the view once. Pure apart from its timer; no DOM, no requests.
import type { MachineStateName } from '../../model/machine.ts';
import type { TextFieldName } from '../../model/search/fields.ts';
import { compileQuery } from '../../model/search/query.ts';
import type { Liveness, Row } from '../list/rows/row.ts';

export type SortColumn =
  | 'name'
  | 'state'
  | 'liveness'
  | 'hardware'
  | 'address'
  | 'lastSeen'
  | 'model'
  | 'serial'
  | 'os'
  | 'template'
  | 'agent'
  | 'problems';

export interface Sort {
  readonly column: SortColumn;
  readonly descending: boolean;
}

export interface FleetView {
  /** All machines in order, shown or not. */
  readonly all: readonly Row[];
  readonly rows: readonly Row[];
  /** The number of machines, filtered out or not. */
  readonly total: number;
  readonly byState: ReadonlyMap<MachineStateName, number>;
  readonly byLiveness: ReadonlyMap<Liveness, number>;
  /** The fault of the filter, in a sentence. */
  readonly fault: string | undefined;
}

const stateOrder: readonly MachineStateName[] = [
  'Error',
  'Provisioning',
  'Discovered',
  'Ready',
  'Provisioned',
  'Offline',
];
const livenessOrder: readonly Liveness[] = ['gone', 'late', 'online', 'unheard'];

/** A key for natural order: "node-9" before "node-10", 10.0.0.9 before 10.0.0.10. */
export function naturalKey(text: string): string {
  return text.toLowerCase().replaceAll(/\d+/g, (digits) => digits.padStart(12, '0'));
}

function sortKey(row: Row, column: SortColumn): string | number {
  switch (column) {
    case 'name':
      return naturalKey(row.name);
    case 'state':
      return stateOrder.indexOf(row.state);
    case 'liveness':
      return livenessOrder.indexOf(row.liveness);
    case 'hardware':
      return naturalKey(row.hardware);
    case 'address':
      return naturalKey(row.address);
    case 'lastSeen':
      return -(row.lastSeenMs || 0);
    case 'problems':
      return -row.problems;
    case 'model':
    case 'serial':
    case 'os':
    case 'template':
    case 'agent':
      return naturalKey(row[column] ?? '\uffff');
  }
}

/** Sorts by the column, then by id, which is the order of registration. `keys` caches the rows' sort
 *  keys between calls. */
export function sortRows(
  rows: readonly Row[],
  sort: Sort,
  keys = new WeakMap<Row, string | number>(),
): Row[] {
  const direction = sort.descending ? -1 : 1;
  const keyOf = (row: Row): string | number => {
    const key = keys.get(row) ?? sortKey(row, sort.column);
    keys.set(row, key);
    return key;
  };
  return rows
    .map((row) => ({ row, key: keyOf(row) }))
    .toSorted((a, b) => {
      if (a.key !== b.key) return a.key < b.key ? -direction : direction;
      return a.row.id < b.row.id ? -1 : 1;
    })
    .map(({ row }) => row);
}

function isSame(rows: readonly Row[], others: readonly Row[]): boolean {
  return rows.length === others.length && rows.every((row, i) => row === others[i]);
}

function count<K>(keys: Iterable<K>): Map<K, number> {
  const counts = new Map<K, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

export class Fleet {
  readonly #rows = new Map<string, Row>();
  readonly #listeners = new Set<() => void>();
  readonly #now: () => number;
  readonly #delayMs: number;
  #query = '';
  #sort: Sort = { column: 'name', descending: false };
  #sortKeys = new WeakMap<Row, string | number>();
  /** All machines in order; undefined once it is out of date. */
  #sorted: readonly Row[] | undefined;
  #view: FleetView = {
    all: [],
    rows: [],
    total: 0,
    byState: new Map(),
    byLiveness: new Map(),
    fault: undefined,
  };
  /** Answers of valuesOf() for the rows as they are. */
  readonly #values = new Map<TextFieldName, ReadonlyMap<string, number>>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `now`: the time by the server's clock. `delayMs`: how long changes are batched before the view is
   *  rebuilt. */
  constructor(now: () => number, delayMs = 250) {
    this.#now = now;
    this.#delayMs = delayMs;
  }

  get view(): FleetView {
    return this.#view;
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  /** The values that machines have in a field of searches, in lower case, and how many have each. */
  valuesOf(field: TextFieldName): ReadonlyMap<string, number> {
    const known = this.#values.get(field);
    if (known !== undefined) return known;
    const lines = [...this.#rows.values()].flatMap(
      ({ facts }) => facts.texts[field]?.slice(1, -1).split('\n') ?? [],
    );
    const counts = count(lines);
    this.#values.set(field, counts);
    return counts;
  }

  ids(): IterableIterator<string> {
    return this.#rows.keys();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Adds or replaces machines. The very first ones show at once. */
  put(rows: Iterable<Row>): void {
    const wasEmpty = this.#rows.size === 0;
    for (const row of rows) this.#rows.set(row.id, row);
    this.#changed(wasEmpty);
  }

  remove(id: string): void {
    if (this.#rows.delete(id)) this.#changed(false);
  }

  /** Applies the operator's filter and order at once. */
  show(query: string, sort: Sort): void {
    if (query === this.#query && sort === this.#sort) return;
    if (sort !== this.#sort) {
      this.#sorted = undefined;
      this.#sortKeys = new WeakMap();
    }
    this.#query = query;
    this.#sort = sort;
    this.#recompute();
  }

  #changed(atOnce: boolean): void {
    this.#sorted = undefined;
    this.#values.clear();
    if (atOnce) this.#recompute();
    else this.#timer ??= setTimeout(() => this.#recompute(), this.#delayMs);
  }

  #recompute(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sorted ??= sortRows([...this.#rows.values()], this.#sort, this.#sortKeys);
    const all = this.#sorted;
    const { matches, fault } = compileQuery(this.#query, this.#now());
    const rows = all.filter(({ facts }) => matches(facts));
    const before = this.#view;
    const counts =
      all === before.all
        ? before
        : {
            byState: count(all.map((row) => row.state)),
            byLiveness: count(all.map((row) => row.liveness)),
          };
    this.#view = {
      fault,
      all,
      // The same rows are drawn once.
      rows: isSame(rows, before.rows) ? before.rows : rows,
      total: all.length,
      byState: counts.byState,
      byLiveness: counts.byLiveness,
    };
    for (const listener of this.#listeners) listener();
  }
}
