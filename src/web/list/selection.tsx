// Actions on the selected machines, and adding one: the toolbar, its keys and its dialogs.
import { AddMachine } from './add-dialog.tsx';
import { BulkAssign, BulkOther, BulkProvision, BulkTags } from './bulk-dialogs.tsx';
import { useMay } from '../context.ts';
import type { FormDialogProps } from '../parts/dialogs/form-dialog.tsx';
import { plural } from '../parts/format.ts';
import { usePageKeys } from './page-keys.ts';

export type DialogName =
  | 'tags'
  | 'assign'
  | 'add'
  | 'provision'
  | 'cancel'
  | 'offline'
  | 'back'
  | 'forget';

const moreActions: readonly (readonly [DialogName, string])[] = [
  ['provision', 'Provision…'],
  ['cancel', 'Cancel…'],
  ['offline', 'Offline…'],
  ['back', 'Bring back…'],
  ['forget', 'Forget…'],
];

interface SelectionProps {
  readonly count: number;
  /** The number of those that the filter does not show. */
  readonly hidden: number;
  readonly onOpen: (dialog: DialogName) => void;
  readonly onClear: () => void;
}

/** The actions on the selected machines. */
export function Selection({ count, hidden, onOpen, onClear }: SelectionProps) {
  const may = useMay();
  return (
    <div class="bulk" role="toolbar" aria-label="Selection">
      <strong>
        {plural(count, 'machine')} selected
        {hidden > 0 && `, ${String(hidden)} hidden by the filter`}
      </strong>
      {may.operate && (
        <>
          <button type="button" onClick={() => onOpen('tags')}>
            Tag… <kbd>t</kbd>
          </button>
          <button type="button" onClick={() => onOpen('assign')}>
            Assign template… <kbd>a</kbd>
          </button>
          {moreActions.map(([name, text]) => (
            <button key={name} type="button" onClick={() => onOpen(name)}>
              {text}
              {name === 'provision' && (
                <>
                  {' '}
                  <kbd>p</kbd>
                </>
              )}
            </button>
          ))}
        </>
      )}
      <button type="button" onClick={onClear}>
        Clear <kbd>Esc</kbd>
      </button>
    </div>
  );
}

/** The keys that open a dialog. */
export function useDialogKeys(hasSelection: boolean, onOpen: (dialog: DialogName) => void): void {
  const may = useMay();
  usePageKeys({
    n: () => {
      if (may.operateAll) onOpen('add');
    },
    t: () => {
      if (hasSelection && may.operate) onOpen('tags');
    },
    a: () => {
      if (hasSelection && may.operate) onOpen('assign');
    },
    p: () => {
      if (hasSelection && may.operate) onOpen('provision');
    },
  });
}

interface DialogProps extends FormDialogProps {
  readonly dialog: DialogName;
  readonly ids: readonly string[];
}

export function MachinesDialog({ dialog, ids, ...ends }: DialogProps) {
  switch (dialog) {
    case 'add':
      return <AddMachine {...ends} />;
    case 'tags':
      return <BulkTags ids={ids} {...ends} />;
    case 'assign':
      return <BulkAssign ids={ids} {...ends} />;
    case 'provision':
      return <BulkProvision ids={ids} {...ends} />;
    case 'cancel':
    case 'offline':
    case 'back':
    case 'forget':
      return <BulkOther what={dialog} ids={ids} {...ends} />;
  }
}
