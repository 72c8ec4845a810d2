// The bar above the list: the filter, the number of machines, columns, export, and adding a machine.
import { useRef } from 'preact/hooks';
import { useFleet, useLive, useMay, useServices } from '../context.ts';
import { plural } from '../parts/format.ts';
import { csvOf, jsonOf, save } from './export.ts';
import { Filter } from './filter.tsx';
import { columns, isColumn, toggledColumn } from './list-state.ts';
import type { MachinesProps } from './machines-page.tsx';
import type { Row } from './rows/row.ts';

interface ToolbarProps extends MachinesProps {
  readonly rows: readonly Row[];
  readonly onAdd: () => void;
}

export function Toolbar({ list, onChange, place, rows, onAdd }: ToolbarProps) {
  const { fleet } = useServices();
  const may = useMay();
  const leave = (): void => {
    // As it is found now, drawn or not.
    const [only, ...others] = fleet.view.rows;
    if (only !== undefined && others.length === 0) onChange({ activeId: only.id });
  };
  return (
    <div class="toolbar">
      <Filter
        query={list.query}
        place={place}
        onChange={(query) => {
          place.isTyped = true;
          onChange({ query });
        }}
        onLeave={leave}
      />
      <Count />
      <Columns list={list} onChange={onChange} />
      <Export rows={rows} />
      {may.operateAll && (
        <button type="button" onClick={onAdd}>
          Add machine… <kbd>n</kbd>
        </button>
      )}
    </div>
  );
}

function Columns({ list, onChange }: Omit<MachinesProps, 'place'>) {
  const menu = useRef<HTMLDetailsElement>(null);
  const close = (): void => {
    if (menu.current !== null) menu.current.open = false;
  };
  return (
    <details
      ref={menu}
      class="columns-menu"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || menu.current?.open !== true) return;
        event.stopPropagation();
        close();
        menu.current.querySelector('summary')?.focus();
      }}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && menu.current?.contains(relatedTarget) !== true)
          close();
      }}
    >
      <summary>Columns</summary>
      <fieldset>
        <legend class="hidden">Columns</legend>
        {Object.entries(columns).map(([name, text]) => (
          <label key={name} class="check">
            <input
              type="checkbox"
              checked={list.columns.some((column) => column === name)}
              onChange={() => {
                if (isColumn(name)) onChange({ columns: toggledColumn(list.columns, name) });
              }}
            />
            {text}
          </label>
        ))}
        <label class="check">
          <input
            type="checkbox"
            checked={list.isCompact}
            onChange={() => onChange({ isCompact: !list.isCompact })}
          />
          Compact rows
        </label>
      </fieldset>
    </details>
  );
}

/** Saves the machines that are shown, in their order. */
function Export({ rows }: { rows: readonly Row[] }) {
  return (
    <select
      class="export"
      aria-label="Export what is shown"
      value=""
      onChange={({ currentTarget }) => {
        if (currentTarget.value === 'csv') save('machines.csv', 'text/csv', csvOf(rows));
        if (currentTarget.value === 'json') save('machines.json', 'application/json', jsonOf(rows));
        currentTarget.value = '';
      }}
    >
      <option value="">Export</option>
      <option value="csv">CSV</option>
      <option value="json">JSON</option>
    </select>
  );
}

/** The number of machines shown, and whether more are still being read. */
function Count() {
  const { live } = useServices();
  const { load } = useLive();
  const { rows, total } = useFleet();
  return (
    <>
      <span class="count" role="status">
        {rows.length === total
          ? plural(total, 'machine')
          : `${rows.length.toLocaleString('en')} of ${plural(total, 'machine')}`}
      </span>
      {load === 'loading' && total > 0 && <span class="spinner" title="Reading machines…" />}
      {load === 'failed' && total > 0 && (
        <span class="problem" role="alert">
          Some machines could not be read.{' '}
          <button type="button" onClick={() => live.start()}>
            Try again
          </button>
        </span>
      )}
    </>
  );
}
