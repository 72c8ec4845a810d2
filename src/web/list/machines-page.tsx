// The page of all machines: the bar above the list, the list, and the dialogs about its machines.
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { useFleet, useServices } from '../context.ts';
import { Chips, type Done } from './chips.tsx';
import { replaceNow, replaceSoon } from '../router.tsx';
import { listPath, type ListState } from './list-state.ts';
import { MachineList } from './rows/machine-list.tsx';
import type { Undo } from '../parts/dialogs/form-dialog.tsx';
import { NoRows } from './no-rows.tsx';
import { MachinesDialog, Selection, useDialogKeys, type DialogName } from './selection.tsx';
import { Toolbar } from './toolbar.tsx';

/** The part of the list's state that draws nothing when it changes. */
interface ListPlace {
  scrollTop: number;
  /** True if a key on another page led to the filter. */
  isFilterWanted: boolean;
  /** True while what was typed into the filter is not in the address yet. */
  isTyped: boolean;
}

export interface MachinesProps {
  readonly list: ListState;
  readonly onChange: (change: Partial<ListState>) => void;
  readonly place: ListPlace;
}

/** The pause in typing after which the address follows. */
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
