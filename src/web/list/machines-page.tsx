// The page of all machines: filter, counts, columns, export and the list. What is done with the selection is in
// selection.tsx.
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { MachineStateName } from '../../model/machine.ts';
import { useFleet, useLive, useMay, useServices } from '../context.ts';
import { Filter } from './filter.tsx';
import { plural } from '../parts/format.ts';
import { replaceNow, replaceSoon } from '../router.tsx';
import { columns, isColumn, listPath, toggledColumn, type ListState } from './list-state.ts';
import { MachineList } from './rows/machine-list.tsx';
import type { Undo } from '../parts/form-dialog.tsx';
import { useTask } from '../parts/task.ts';
import { NoRows } from './no-rows.tsx';
import { hasTerm, toggleTerm } from './query.ts';
import type { Liveness, Row } from './rows/row.ts';
import { MachinesDialog, Selection, useDialogKeys, type DialogName } from './selection.tsx';
import { csvOf, jsonOf, save } from './export.ts';

const states: readonly MachineStateName[] = [
  'Discovered',
  'Ready',
  'Provisioning',
  'Provisioned',
  'Error',
  'Offline',
];
const livenesses: readonly Liveness[] = ['online', 'late', 'gone', 'unheard'];

/** The part of the list's state that draws nothing when it changes. */
interface ListPlace {
  scrollTop: number;
  /** True if a key on another page led to the filter. */
  isFilterWanted: boolean;
  /** True while what was typed into the filter is not in the address yet. */
  isTyped: boolean;
}

interface MachinesProps {
  readonly list: ListState;
  readonly onChange: (change: Partial<ListState>) => void;
  readonly place: ListPlace;
}

/** The address follows once nothing was typed for so long. */
const settleMs = 150;

/** The address of the page says what it shows. */
function useAddress(list: ListState, place: ListPlace): void {
  useLayoutEffect(() => {
    if (place.isTyped) replaceSoon(listPath(list), settleMs);
    else replaceNow(listPath(list));
    place.isTyped = false;
  }, [list.query, list.sort, list.columns, list.isCompact]);
  useEffect(() => {
    document.title = 'Machines · Dragonfly';
  }, []);
}

export function MachinesPage({ list, onChange, place }: MachinesProps) {
  const { fleet } = useServices();
  const view = useFleet();
  const [dialog, setDialog] = useState<DialogName | undefined>();
  const [done, setDone] = useState<Done | undefined>();
  const hasSelection = list.selected.size > 0;

  useLayoutEffect(() => fleet.show(list.query, list.sort), [fleet, list.query, list.sort]);
  useAddress(list, place);
  useDialogKeys(hasSelection, setDialog);

  const finish = (message: string, undo?: Undo): void => {
    setDialog(undefined);
    setDone({ message, undo });
    onChange({ selected: new Set() });
  };
  const ids = [...list.selected];
  return (
    <div class="machines">
      <h1 class="hidden">Machines</h1>
      <Toolbar
        list={list}
        onChange={onChange}
        place={place}
        rows={view.rows}
        onAdd={() => setDialog('add')}
      />
      {hasSelection ? (
        <Selection
          count={ids.length}
          hidden={ids.length - view.rows.filter(({ id }) => list.selected.has(id)).length}
          onOpen={setDialog}
          onClear={() => onChange({ selected: new Set() })}
        />
      ) : (
        <Chips
          list={list}
          onChange={onChange}
          done={done}
          onUndone={(message) => setDone({ message })}
        />
      )}
      {view.rows.length > 0 ? (
        <MachineList
          rows={view.rows}
          list={list}
          onChange={(change) => {
            setDone(undefined);
            onChange(change);
          }}
          place={place}
        />
      ) : (
        <NoRows query={list.query} onClear={() => onChange({ query: '' })} />
      )}
      {dialog !== undefined && (
        <MachinesDialog
          dialog={dialog}
          ids={ids}
          onClose={() => setDialog(undefined)}
          onDone={finish}
        />
      )}
    </div>
  );
}

/** The last thing that was done, and the way back. */
interface Done {
  readonly message: string;
  readonly undo?: Undo | undefined;
}

interface ToolbarProps extends MachinesProps {
  readonly rows: readonly Row[];
  readonly onAdd: () => void;
}

function Toolbar({ list, onChange, place, rows, onAdd }: ToolbarProps) {
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
  return (
    <details class="columns-menu">
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

interface ChipsProps {
  readonly list: ListState;
  readonly onChange: (change: Partial<ListState>) => void;
  readonly done: Done | undefined;
  readonly onUndone: (message: string) => void;
}

function Chips({ list, onChange, done, onUndone }: ChipsProps) {
  const view = useFleet();
  const chip = (field: string, name: string, count: number | undefined) => {
    const value = name.toLowerCase();
    const pressed = hasTerm(list.query, field, value);
    if (count === undefined && !pressed) return null;
    return (
      <button
        key={name}
        type="button"
        class={`chip ${field}-${value}`}
        aria-pressed={pressed}
        onClick={() => onChange({ query: toggleTerm(list.query, field, value) })}
      >
        <span class="dot" aria-hidden="true" />
        {name} <b>{(count ?? 0).toLocaleString('en')}</b>
      </button>
    );
  };
  return (
    <div class="chips" role="group" aria-label="Filter by state and liveness">
      {states.map((name) => chip('state', name, view.byState.get(name)))}
      <span class="divider" />
      {livenesses.map((name) => chip('live', name, view.byLiveness.get(name)))}
      {done !== undefined && <LastDone key={done.message} done={done} onUndone={onUndone} />}
    </div>
  );
}

function LastDone({
  done: { message, undo },
  onUndone,
}: Pick<ChipsProps, 'onUndone'> & { readonly done: Done }) {
  const { busy, problem, run } = useTask();
  return (
    <span class="done">
      <span role="status">{message}</span>{' '}
      {undo !== undefined && (
        <button
          type="button"
          disabled={busy}
          onClick={() => void run(async () => onUndone(await undo()))}
        >
          Undo
        </button>
      )}
      {problem !== undefined && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
    </span>
  );
}
