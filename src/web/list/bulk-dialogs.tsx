// Dialogs that change a selection of machines: add and remove tags, assign a template.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { BulkRequest } from '../../model/operator-api.ts';
import { changeMachines } from '../api.ts';
import { useServices } from '../context.ts';
import { plural } from '../parts/format.ts';
import { Dialog } from '../parts/parts.tsx';
import { messageOf } from '../session.ts';
import { TemplateSelect } from '../machine/template-select.tsx';

interface BulkProps {
  readonly ids: readonly string[];
  readonly onClose: () => void;
  /** Told in a sentence what was done. */
  readonly onDone: (message: string) => void;
}

export function BulkTags({ ids, onClose, onDone }: BulkProps) {
  const { fleet } = useServices();
  const [add, setAdd] = useState('');
  const [remove, setRemove] = useState<ReadonlySet<string>>(new Set());
  const present = [...new Set(ids.flatMap((id) => fleet.get(id)?.tags ?? []))].toSorted();
  const added = tagsOf(add);
  return (
    <BulkForm
      title={`Tag ${plural(ids.length, 'machine')}`}
      ids={ids}
      change={{ add_tags: added, remove_tags: [...remove] }}
      disabled={added.length === 0 && remove.size === 0}
      onClose={onClose}
      onDone={onDone}
    >
      <label>
        Add tags
        <input
          name="add"
          autoFocus
          autoComplete="off"
          placeholder="rack-4, gpu"
          value={add}
          onInput={(event) => setAdd(event.currentTarget.value)}
        />
      </label>
      {present.length > 0 && (
        <fieldset>
          <legend>Remove tags</legend>
          {present.map((tag) => (
            <label key={tag} class="check">
              <input
                type="checkbox"
                checked={remove.has(tag)}
                onChange={() => {
                  const next = new Set(remove);
                  if (!next.delete(tag)) next.add(tag);
                  setRemove(next);
                }}
              />
              {tag}
            </label>
          ))}
        </fieldset>
      )}
    </BulkForm>
  );
}

export function BulkAssign({ ids, onClose, onDone }: BulkProps) {
  const [template, setTemplate] = useState('');
  return (
    <BulkForm
      title={`Assign a template to ${plural(ids.length, 'machine')}`}
      ids={ids}
      change={{ os_choice: template === '' ? null : template }}
      disabled={false}
      onClose={onClose}
      onDone={onDone}
    >
      <TemplateSelect label="Template" value={template} autoFocus onChange={setTemplate} />
      <p class="quiet">
        Machines with a template are ready to be provisioned. Nothing is written to their disks yet.
      </p>
    </BulkForm>
  );
}

/** Splits typed tags at commas and spaces. */
export function tagsOf(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter((tag) => tag !== ''))];
}

interface FormProps extends BulkProps {
  readonly title: string;
  readonly change: Omit<BulkRequest, 'ids'>;
  readonly disabled: boolean;
  readonly children: ComponentChildren;
}

function BulkForm({ title, ids, change, disabled, onClose, onDone, children }: FormProps) {
  const { session } = useServices();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | undefined>();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      const { changed, failed } = await changeMachines(session, ids, change);
      if (failed.length === 0) {
        onDone(`${plural(changed, 'machine')} changed.`);
        return;
      }
      setProblem(
        `${plural(changed, 'machine')} changed, ${String(failed.length)} refused: ${failed[0]?.failure.error ?? ''}`,
      );
    } catch (err) {
      setProblem(messageOf(err));
    }
    setBusy(false);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {children}
        <p class="problem" role="alert">
          {problem}
        </p>
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy || disabled}>
            {busy ? 'Working…' : 'Apply'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
