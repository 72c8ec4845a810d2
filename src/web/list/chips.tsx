// The chips below the bar: how many machines there are of each state and liveness, and the last thing that was done.
import { stateNames } from '../../model/machine-state.ts';
import { useFleet } from '../context.ts';
import type { Undo } from '../parts/dialogs/form-dialog.tsx';
import { LastDone } from '../parts/last-done.tsx';
import type { ListState } from './list-state.ts';
import { hasTerm, toggleTerm } from './query.ts';
import type { Liveness } from './rows/row.ts';

const livenesses: readonly Liveness[] = ['online', 'late', 'gone', 'unheard'];

/** The last thing that was done, and the way back. */
export interface Done {
  readonly message: string;
  readonly undo?: Undo | undefined;
}

interface ChipsProps {
  readonly list: ListState;
  readonly onChange: (change: Partial<ListState>) => void;
  readonly done: Done | undefined;
  readonly onUndone: (message: string) => void;
}

export function Chips({ list, onChange, done, onUndone }: ChipsProps) {
  const view = useFleet();
  const back = done?.undo;
  const undo = back && (async () => onUndone(await back()));
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
      {stateNames.map((name) => chip('state', name, view.byState.get(name)))}
      <span class="divider" />
      {livenesses.map((name) => chip('live', name, view.byLiveness.get(name)))}
      {done !== undefined && (
        <span class="done">
          <LastDone key={done.message} message={done.message} undo={undo} />
        </span>
      )}
    </div>
  );
}
