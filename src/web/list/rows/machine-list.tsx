// The list of machines: a grid with virtual rows that works with mouse and keyboard alike.
import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { useServices } from '../../context.ts';
import type { SortColumn } from '../../live/fleet.ts';
import { columns, sortBy, toggled, withRange, type Column, type ListState } from '../list-state.ts';
import { MachineRow } from './machine-row.tsx';
import { usePageKeys } from '../page-keys.ts';
import { useNow } from '../../parts/parts.tsx';
import { navigate } from '../../router.tsx';
import type { Row } from './row.ts';
import { scrollToRow, useMedia, useRowWindow } from './virtual-window.ts';

/** The least width of each column, and its share of what is left over. Units: CSS pixels. */
const widths: Readonly<Record<Column, readonly [least: number, share: number]>> = {
  state: [116, 0],
  liveness: [92, 0],
  hardware: [40, 2],
  // A machine that has no address shows its MAC, which takes 140.
  address: [124, 0.8],
  model: [80, 1],
  serial: [100, 0],
  os: [80, 1],
  template: [96, 0],
  agent: [64, 0],
  problems: [80, 0],
  tags: [110, 1],
};

/** The grid of the rows, and the width below which the list scrolls sideways. */
function gridOf(shown: readonly Column[]): Record<'--tracks' | '--least-width', string> {
  const middle = shown.map((column) => widths[column]);
  const all = [[40, 0], [170, 1.5], ...middle, [72, 0]] as const;
  const tracks = all.map(([least, share]) =>
    share === 0 ? `${String(least)}px` : `minmax(${String(least)}px, ${String(share)}fr)`,
  );
  // With the padding of a row.
  const least = all.reduce((sum, [one]) => sum + one, 16);
  return { '--tracks': tracks.join(' '), '--least-width': `${String(least)}px` };
}

interface ListProps {
  readonly rows: readonly Row[];
  readonly list: ListState;
  readonly onChange: (change: Partial<ListState>) => void;
  /** The scroll position, kept while another page is shown. */
  readonly place: { scrollTop: number };
}

interface KeysOptions extends Omit<ListProps, 'place'> {
  readonly viewport: RefObject<HTMLDivElement | null>;
  /** Units: CSS pixels. */
  readonly heights: { readonly row: number; readonly header: number };
}

/** The keys of the list, and what opens and selects its rows by mouse as well. */
function useListKeys({ rows, list, onChange, viewport, heights }: KeysOptions) {
  const activeIndex = rows.findIndex((row) => row.id === list.activeId);
  const active = rows[activeIndex];
  const open = (row: Row): void => {
    onChange({ activeId: row.id });
    navigate(`/machines/${row.id}`);
  };
  const select = (row: Row, range: boolean): void => {
    const ids = rows.map((r) => r.id);
    onChange({
      activeId: row.id,
      selected: range
        ? withRange(list.selected, ids, list.activeId, row.id)
        : toggled(list.selected, row.id),
    });
  };
  const move =
    (steps: number) =>
    ({ shiftKey }: KeyboardEvent): void => {
      const index = Math.max(0, Math.min(rows.length - 1, activeIndex + steps));
      const row = rows[index];
      if (row === undefined || viewport.current === null) return;
      if (shiftKey) select(row, true);
      else onChange({ activeId: row.id });
      // A link or a button that led here would take the next Enter.
      viewport.current.focus({ preventScroll: true });
      scrollToRow(viewport.current, index, heights.row, heights.header);
    };
  const page = Math.floor((viewport.current?.clientHeight ?? 0) / heights.row) - 1;
  const toggle = (): void => {
    if (active !== undefined) select(active, false);
  };
  usePageKeys({
    j: move(1),
    k: move(-1),
    ArrowDown: move(1),
    ArrowUp: move(-1),
    PageDown: move(page),
    PageUp: move(-page),
    Home: move(-Infinity),
    End: move(Infinity),
    x: toggle,
    ' ': toggle,
    'Ctrl+a': () => onChange({ selected: new Set(rows.map((row) => row.id)) }),
    Enter: () => {
      if (active !== undefined) open(active);
    },
    Escape: () => onChange(list.selected.size > 0 ? { selected: new Set() } : { query: '' }),
  });
  return { active, open, select };
}

/** The heights of a row and of the head, as --row and --list-head in styles/ have them. Units: CSS pixels. */
function useHeights(isCompact: boolean) {
  const isNarrow = useMedia('(max-width: 780px)');
  return isNarrow ? { row: 76, header: 0 } : { row: isCompact ? 26 : 38, header: 34 };
}

/** The machines in sight are kept up to date. */
function useWatched(inSight: readonly Row[]): void {
  const { live } = useServices();
  const inSightKey = inSight.map((row) => row.id).join();
  useEffect(() => live.watch(inSight.map((row) => row.id)), [live, inSightKey]);
}

export function MachineList({ rows, list, onChange, place }: ListProps) {
  const viewport = useRef<HTMLDivElement>(null);
  const heights = useHeights(list.isCompact);
  const { first, end } = useRowWindow(viewport, heights.row);
  const { session } = useServices();
  const nowMs = useNow() - session.clockAheadMs;

  // Back to where it was; a new filter or order starts at the top (see changeList in app.tsx).
  useLayoutEffect(() => {
    const { current } = viewport;
    // Reading it costs less than setting what it is.
    if (current !== null && current.scrollTop !== place.scrollTop) {
      current.scrollTop = place.scrollTop;
    }
  }, [list.query, list.sort]);

  const inSight = rows.slice(first, end);
  useWatched(inSight);

  const keys = useListKeys({ rows, list, onChange, viewport, heights });
  const { active } = keys;
  const latest = useRef(keys);
  latest.current = keys;
  const mostTags = useMedia('(max-width: 1000px)') ? 1 : 2;
  // A key in the filter draws the page twice: with the new text, then with what it finds. The rows are the same the
  // first time.
  const drawn = useMemo(
    () =>
      inSight.map((row, i) => (
        <MachineRow
          row={row}
          columns={list.columns}
          mostTags={mostTags}
          index={first + i}
          active={row.id === list.activeId}
          selected={list.selected.has(row.id)}
          nowMs={nowMs}
          onOpen={(opened) => latest.current.open(opened)}
          onSelect={(selected, range) => latest.current.select(selected, range)}
        />
      )),
    [rows, first, end, list.columns, mostTags, list.activeId, list.selected, nowMs],
  );

  return (
    <div
      ref={viewport}
      class={list.isCompact ? 'list compact' : 'list'}
      id="machines"
      role="grid"
      style={gridOf(list.columns)}
      tabIndex={0}
      aria-label="Machines"
      aria-multiselectable
      aria-rowcount={rows.length + 1}
      aria-activedescendant={active === undefined ? undefined : `row-${active.id}`}
      onScroll={(event) => {
        place.scrollTop = event.currentTarget.scrollTop;
      }}
    >
      <ListHead list={list} rows={rows} onChange={onChange} />
      <div
        role="presentation"
        class="rows"
        style={{ height: `${String(rows.length * heights.row)}px` }}
      >
        <div role="rowgroup" style={{ transform: `translateY(${String(first * heights.row)}px)` }}>
          {drawn}
        </div>
      </div>
    </div>
  );
}

interface HeadProps {
  readonly list: ListState;
  readonly rows: readonly Row[];
  readonly onChange: (change: Partial<ListState>) => void;
}

function ListHead({ list, rows, onChange }: HeadProps) {
  const allSelected = rows.length > 0 && rows.every((row) => list.selected.has(row.id));
  const heading = (column: SortColumn, label: string) => {
    const sorted = list.sort.column === column;
    const direction = list.sort.descending ? 'descending' : 'ascending';
    return (
      <div
        key={column}
        role="columnheader"
        aria-sort={sorted ? direction : 'none'}
        class={`c-${column}`}
      >
        <button type="button" onClick={() => onChange({ sort: sortBy(list.sort, column) })}>
          {label}
          <span aria-hidden="true">{sorted ? (list.sort.descending ? '↓' : '↑') : ''}</span>
        </button>
      </div>
    );
  };
  return (
    <div role="row" class="list-head" aria-rowindex={1}>
      <div role="columnheader" class="c-select">
        <input
          type="checkbox"
          aria-label="Select all machines shown"
          checked={allSelected}
          onChange={() => onChange({ selected: new Set(allSelected ? [] : rows.map((r) => r.id)) })}
        />
      </div>
      {heading('name', 'Name')}
      {list.columns.map((column) =>
        column === 'tags' ? (
          <div key={column} role="columnheader" class="c-tags">
            <span>Tags</span>
          </div>
        ) : (
          heading(column, columns[column])
        ),
      )}
      {heading('lastSeen', 'Last seen')}
    </div>
  );
}
