// Dialogs that change a selection of machines: add and remove tags, assign a template.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { BulkRequest } from '../../model/api/machines.ts';
import { changeMachines } from '../api.ts';
import { useServices } from '../context.ts';
import { plural } from '../parts/format.ts';
import { tagsOf } from './tags-text.ts';
import { FormDialog, type FormDialogProps } from '../parts/form-dialog.tsx';
import { TemplateSelect } from '../machine/template-select.tsx';

interface BulkProps extends FormDialogProps {
  readonly ids: readonly string[];
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

interface FormProps extends BulkProps {
  readonly title: string;
  readonly change: Omit<BulkRequest, 'ids'>;
  readonly disabled: boolean;
  readonly children: ComponentChildren;
}

function BulkForm({ ids, change, ...form }: FormProps) {
  const { session } = useServices();
  const submit = async (): Promise<string> => {
    const { changed, failed } = await changeMachines(session, ids, change);
    const done = `${plural(changed, 'machine')} changed`;
    if (failed.length === 0) return `${done}.`;
    throw new Error(`${done}, ${String(failed.length)} refused: ${failed[0]?.failure.error ?? ''}`);
  };
  return <FormDialog action="Apply" submit={submit} {...form} />;
}
