// Dialogs that change a selection of machines. A dry run says what would become of each.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { BulkChange } from '../../model/api/bulk.ts';
import type { BulkResponse } from '../../model/api/machines.ts';
import { changeMachines } from '../machine/requests.ts';
import { useFleet, useServices } from '../context.ts';
import { plural } from '../parts/format.ts';
import { tagsOf } from '../../model/text/tags-text.ts';
import { digestsOf, useDryRun } from './dry-run.ts';
import { FormDialog, type FormDialogProps, type Undo } from '../parts/dialogs/form-dialog.tsx';
import type { Session } from '../session.ts';
import type { Row } from './rows/row.ts';
import { reversalsOf } from './undo.ts';
import { TemplateSelect } from '../machine/template-select.tsx';
import { Accept, asBoxes } from '../workflows/consent.tsx';

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

export function BulkProvision({ ids, onClose, onDone }: BulkProps) {
  const [template, setTemplate] = useState('');
  const [accepted, setAccepted] = useState({ reimage: false, confirmed: false, retry: false });
  return (
    <BulkForm
      title={`Provision ${plural(ids.length, 'machine')}`}
      ids={ids}
      change={{ workflow: { ...accepted, ...(template === '' ? {} : { template }) } }}
      disabled={false}
      isGrave
      onClose={onClose}
      onDone={onDone}
    >
      <TemplateSelect
        label="Template (none: the one that each has been assigned)"
        value={template}
        autoFocus
        onChange={setTemplate}
      />
      {(['reimage', 'confirmed', 'retry'] as const).map((name) => (
        <Accept
          key={name}
          name={name}
          isOn={accepted[name]}
          onChange={(isOn) => setAccepted({ ...accepted, [name]: isOn })}
        />
      ))}
    </BulkForm>
  );
}

const others = {
  cancel: ['Cancel the workflows of', { cancel: true }],
  offline: ['Mark offline', { offline: true }],
  back: ['Bring back', { offline: false }],
  forget: ['Forget', { delete: true }],
} as const satisfies Readonly<Record<string, readonly [string, BulkChange]>>;

/** A change without fields. */
export function BulkOther({ what, ids, ...rest }: BulkProps & { what: keyof typeof others }) {
  const [verb, change] = others[what];
  return (
    <BulkForm
      title={`${verb} ${plural(ids.length, 'machine')}`}
      ids={ids}
      change={change}
      disabled={false}
      isGrave={what === 'forget' || what === 'cancel'}
      {...rest}
    >
      {what === 'forget' && (
        <p>Their records are deleted. The machines themselves are left alone.</p>
      )}
    </BulkForm>
  );
}

interface FormProps extends BulkProps {
  readonly title: string;
  readonly change: BulkChange;
  readonly disabled: boolean;
  /** True for what cannot be undone: it is applied only after its dry run. */
  readonly isGrave?: boolean;
  readonly children: ComponentChildren;
}

const fields = 'input, select';

/** The most machines whose refusals are listed. */
const mostNamed = 8;

function BulkForm({ ids, change, disabled, isGrave = false, children, ...form }: FormProps) {
  const { session, fleet } = useServices();
  const { answer, ask, forget, busy, problem } = useDryRun(ids, change);
  const submit = async (): Promise<[string, Undo?]> => {
    // A machine that the dry run refused is not tried, and neither is one that it did not show.
    const chosen = answer?.outlook?.map(({ machine_id }) => machine_id) ?? ids;
    const shown = answer === undefined ? {} : digestsOf(answer);
    const before = chosen.flatMap((id) => fleet.get(id) ?? []);
    const { changed, failed } = await changeMachines(session, chosen, { ...change, ...shown });
    const done = `${plural(changed, 'machine')} changed`;
    if (failed.length === 0) return [`${done}.`, ...undoOf(session, change, before)];
    // The dry run is out of date, and has to be repeated.
    forget();
    const named = failed
      .slice(0, mostNamed)
      .map(
        ({ machine_id: id, failure }) => `${fleet.get(id)?.name ?? id}: ${asBoxes(failure.error)}`,
      );
    const more = failed.length > mostNamed ? `; and ${String(failed.length - mostNamed)} more` : '';
    throw new Error(`${done}, ${String(failed.length)} refused. ${named.join('; ')}${more}`);
  };
  /** Enter in any field asks for the dry run of what must not be applied unseen, and applies the rest. Browsers submit
   *  only from some fields. */
  const onKeyDown = (event: KeyboardEvent): void => {
    const field = event.target instanceof HTMLElement ? event.target.closest(fields) : null;
    if (event.key !== 'Enter' || field === null || (isGrave && answer !== undefined)) return;
    event.preventDefault();
    if (busy || disabled) return;
    if (isGrave) void ask();
    else field.closest('form')?.requestSubmit();
  };
  return (
    <FormDialog
      action={isGrave && answer !== undefined ? `Apply to ${String(answer.changed)}` : 'Apply'}
      submit={submit}
      disabled={disabled || (isGrave && (answer === undefined || answer.changed === 0))}
      onKeyDown={onKeyDown}
      {...form}
    >
      <Hidden ids={ids} />
      {children}
      <button type="button" class="more" disabled={busy || disabled} onClick={() => void ask()}>
        {busy ? 'Asking…' : 'Dry run'}
      </button>
      {problem !== undefined && <p class="problem">{problem}</p>}
      {answer !== undefined && <Outlook answer={answer} />}
    </FormDialog>
  );
}

/** The way back to the machines as they were, where there is one. */
function undoOf(session: Session, change: BulkChange, before: readonly Row[]): [Undo?] {
  const reversals = reversalsOf(change, before);
  if (reversals.length === 0) return [];
  const undo = async (): Promise<string> => {
    const refused: string[] = [];
    for (const { ids, change: back } of reversals) {
      const { failed } = await changeMachines(session, ids, back);
      refused.push(...failed.map(({ failure }) => failure.error));
    }
    const [first] = refused;
    if (first !== undefined)
      throw new Error(`${plural(refused.length, 'machine')} refused: ${first}`);
    return `${plural(new Set(reversals.flatMap(({ ids }) => ids)).size, 'machine')} set back.`;
  };
  return [undo];
}

/** Says which of the machines the filter hides, by their names. */
function Hidden({ ids }: { ids: readonly string[] }) {
  const { fleet } = useServices();
  const { rows } = useFleet();
  const shown = new Set(rows.map(({ id }) => id));
  const hidden = ids.filter((id) => !shown.has(id));
  if (hidden.length === 0) return null;
  const names = hidden.slice(0, 8).map((id) => fleet.get(id)?.name ?? id);
  const more =
    hidden.length > names.length ? ` and ${String(hidden.length - names.length)} more` : '';
  return (
    <p class="problem" role="alert">
      {hidden.length === 1
        ? '1 of these machines is'
        : `${String(hidden.length)} of these machines are`}{' '}
      hidden by the filter: {names.join(', ')}
      {more}
    </p>
  );
}

/** The outlook for each machine, those that are refused first. */
function Outlook({ answer }: { answer: BulkResponse }) {
  const { changed, failed, outlook = [] } = answer;
  const { fleet } = useServices();
  const name = (id: string): string => fleet.get(id)?.name ?? id;
  const list = useRef<HTMLUListElement>(null);
  // It is what is read next, and the key that asked for it must not apply it.
  useLayoutEffect(() => list.current?.focus(), [answer]);
  return (
    <section aria-label="Dry run" class="outlook">
      <p role="status">
        {plural(changed, 'machine')} would be changed, {failed.length.toLocaleString('en')} refused.
      </p>
      <ul ref={list} tabIndex={0}>
        {failed.map(({ machine_id, failure }) => (
          <li key={machine_id}>
            <b>{name(machine_id)}</b> <span class="problem">refused: {asBoxes(failure.error)}</span>
          </li>
        ))}
        {outlook.map(({ machine_id, does, loses }) => (
          <li key={machine_id}>
            <b>{name(machine_id)}</b> {does.length === 0 ? 'stays as it is' : does.join('; ')}
            {loses.length > 0 && <span class="problem"> loses {loses.join(', ')}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
