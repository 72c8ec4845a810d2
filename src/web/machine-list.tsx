// The list of machines: a grid with virtual rows, driven by mouse and keyboard alike.
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { useServices } from './context.ts';
import type { SortColumn } from './fleet.ts';
import { sortBy, toggled, withRange, type ListState } from './list-state.ts';
import { MachineRow } from './machine-row.tsx';
import { useNow } from './parts.tsx';
import { navigate } from './router.tsx';
import type { Row } from './row.ts';
import { scrollToRow, useMedia, useRowWindow } from './virtual-window.ts';

const headings: readonly { column: SortColumn; label: string }[] = [
  { column: 'name', label: 'Name' },
  { column: 'state', label: 'State' },
  { column: 'liveness', label: 'Liveness' },
  { column: 'hardware', label: 'Hardware' },
  { column: 'address', label: 'Address' },
];

interface ListProps {
  readonly rows: readonly Row[];
  readonly list: ListState;
  readonly onChange: (change: Partial<ListState>) => void;
  /** Where the list was scrolled to; kept while another page is shown. */
  readonly place: { scrollTop: number };
}

export function MachineList({ rows, list, onChange, place }: ListProps) {
  const viewport = useRef<HTMLDivElement>(null);
  const narrow = useMedia('(max-width: 720px)');
  // The heights of styles.css (--row and --list-head).
  const rowHeight = narrow ? 76 : 38;
  const headerHeight = narrow ? 0 : 34;
  const { first, end } = useRowWindow(viewport, rowHeight);
  const { live, session } = useServices();
  const nowMs = useNow() - session.clockAheadMs;

  // Where it was left; another filter or order begins at its beginning (see changeList in app.tsx).
  useLayoutEffect(() => {
    if (viewport.current !== null) viewport.current.scrollTop = place.scrollTop;
  }, [list.query, list.sort]);

  const inSight = rows.slice(first, end);
  const inSightKey = inSight.map((row) => row.id).join();
  useEffect(() => live.watch(inSight.map((row) => row.id)), [live, inSightKey]);

  const activeIndex = rows.findIndex((row) => row.id === list.activeId);
  const moveTo = (index: number): void => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (row === undefined || viewport.current === null) return;
    onChange({ activeId: row.id });
    scrollToRow(viewport.current, rows.indexOf(row), rowHeight, headerHeight);
  };
  useListKeys({ rows, list, onChange, activeIndex, moveTo, viewport });

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

  return (
    <div
      ref={viewport}
      class="list"
      id="machines"
      role="grid"
      tabIndex={0}
      aria-label="Machines"
      aria-multiselectable
      aria-rowcount={rows.length + 1}
      aria-activedescendant={activeIndex < 0 ? undefined : `row-${list.activeId ?? ''}`}
      onScroll={(event) => {
        place.scrollTop = event.currentTarget.scrollTop;
      }}
    >
      <ListHead list={list} rows={rows} onChange={onChange} />
      <div
        role="presentation"
        class="rows"
        style={{ height: `${String(rows.length * rowHeight)}px` }}
      >
        <div role="rowgroup" style={{ transform: `translateY(${String(first * rowHeight)}px)` }}>
          {inSight.map((row, i) => (
            <MachineRow
              row={row}
              index={first + i}
              active={row.id === list.activeId}
              selected={list.selected.has(row.id)}
              nowMs={nowMs}
              onOpen={open}
              onSelect={select}
            />
          ))}
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
      {headings.map(({ column, label }) => heading(column, label))}
      <div role="columnheader" class="c-tags">
        <span>Tags</span>
      </div>
      {heading('lastSeen', 'Last seen')}
    </div>
  );
}

interface KeyContext extends Pick<ListProps, 'rows' | 'list' | 'onChange'> {
  readonly activeIndex: number;
  readonly moveTo: (index: number) => void;
  readonly viewport: { readonly current: HTMLElement | null };
}

/** j, k, arrows and pages move; Enter opens; x and Space select, with Shift a range; Escape lets go. */
function useListKeys(context: KeyContext): void {
  const latest = useRef(context);
  latest.current = context;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (isTaken(event) || !handleKey(event, latest.current)) return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

/** Whether the key belongs to a field, a button or a dialog, not to the list. */
function isTaken(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : document.body;
  if (document.querySelector('dialog[open]') !== null) return true;
  if (target.closest('input:not([type=checkbox]), textarea, select') !== null) return true;
  const pressed = event.key === 'Enter' || event.key === ' ';
  return pressed && target.closest('button, a, input') !== null;
}

function handleKey(event: KeyboardEvent, context: KeyContext): boolean {
  const { rows, list, onChange, activeIndex, moveTo, viewport } = context;
  const row = rows[activeIndex];
  if ((event.ctrlKey || event.metaKey) && event.key === 'a') {
    onChange({ selected: new Set(rows.map((r) => r.id)) });
    return true;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const page = Math.max(1, Math.floor((viewport.current?.clientHeight ?? 0) / 48));
  const steps: Readonly<Record<string, number>> = {
    j: 1,
    ArrowDown: 1,
    k: -1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: -Infinity,
    End: Infinity,
  };
  const step = steps[event.key];
  if (step !== undefined) {
    const next = Math.max(0, Math.min(rows.length - 1, activeIndex + step));
    const target = rows[next];
    if (event.shiftKey && row !== undefined && target !== undefined) {
      onChange({ selected: new Set([...list.selected, row.id, target.id]) });
    }
    moveTo(next);
    return true;
  }
  if (event.key === 'Escape') {
    if (list.selected.size > 0) onChange({ selected: new Set() });
    else onChange({ query: '' });
    return true;
  }
  if (row === undefined) return false;
  if (event.key === 'Enter') navigate(`/machines/${row.id}`);
  else if (event.key === 'x' || event.key === ' ') {
    onChange({ selected: toggled(list.selected, row.id) });
  } else return false;
  return true;
}
