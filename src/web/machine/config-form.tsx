// The form for a machine's settings. If somebody else changed the same setting since it was read, both
// values are shown and the operator decides.
import { useState } from 'preact/hooks';
import type { MachinePatch, MachineView } from '../../model/api/machines.ts';
import { patchMachine, readMachine } from './requests.ts';
import { tagsOf, tagsText } from '../../model/text/tags-text.ts';
import { useMay, useServices } from '../context.ts';
import { useDraft } from '../parts/draft.ts';
import { Card, Notice } from '../parts/parts.tsx';
import { ApiError, messageOf, type Answer } from '../session.ts';
import { TemplateSelect } from './template-select.tsx';

interface Fields {
  readonly hostname: string;
  readonly template: string;
  readonly tags: string;
}

type FieldName = keyof Fields;
const fieldNames: readonly FieldName[] = ['hostname', 'template', 'tags'];

/** Error codes that mean the machine changed since it was read. */
const staleCodes = new Set(['request.stale', 'store.conflict']);

const labels: Readonly<Record<FieldName, string>> = {
  hostname: 'Hostname',
  template: 'Template',
  tags: 'Tags',
};

function fieldsOf({ config }: MachineView): Fields {
  return {
    hostname: config.hostname ?? '',
    template: config.os_choice ?? '',
    tags: tagsText(config.tags),
  };
}

/** Fields that differ between the two. */
function differing(one: Fields, other: Fields): FieldName[] {
  return fieldNames.filter((name) => one[name] !== other[name]);
}

function patchOf(fields: Fields, names: readonly FieldName[]): MachinePatch {
  return {
    ...(names.includes('hostname') ? { hostname: fields.hostname.trim() || null } : {}),
    ...(names.includes('template') ? { os_choice: fields.template || null } : {}),
    ...(names.includes('tags') ? { tags: tagsOf(fields.tags) } : {}),
  };
}

/** Typed text, and the answer that was on the screen when it was begun. */
interface Draft {
  readonly base: Answer<MachineView>;
  readonly typed: Partial<Fields>;
}

/** Returns undefined if what was typed is what the answer says anyway. */
function draftOf(base: Answer<MachineView>, typed: Partial<Fields>): Draft | undefined {
  const fields = fieldsOf(base.body);
  return differing({ ...fields, ...typed }, fields).length === 0 ? undefined : { base, typed };
}

/** The part of a draft that was typed after it had been sent. */
function typedSince({ typed }: Draft, sent: Fields): Partial<Fields> {
  return Object.fromEntries(
    fieldNames
      .filter((name) => typed[name] !== undefined && typed[name] !== sent[name])
      .map((name) => [name, typed[name]]),
  );
}

interface FormProps {
  readonly answer: Answer<MachineView>;
  /** Gets the machine as the server has it now. */
  readonly onAnswer: (answer: Answer<MachineView>) => void;
}

/** The settings while they are edited, and their way to the server. They follow the machine as long as
 *  nothing is typed. */
function useConfig({ answer, onAnswer }: FormProps) {
  const { session } = useServices();
  const id = answer.body.id;
  const kept = useDraft<Draft>(`machine ${id}`);
  const [draft, setDraft] = useState(kept.found);
  kept.keep(draft);
  const [theirs, setTheirs] = useState<Answer<MachineView> | undefined>();
  const [message, setMessage] = useState<{ kind: 'good' | 'error'; text: string } | undefined>();
  const [busy, setBusy] = useState(false);
  const base = draft?.base ?? answer;
  const fields: Fields = { ...fieldsOf(base.body), ...draft?.typed };
  const changed = differing(fields, fieldsOf(base.body));

  const save = async (basis: Answer<MachineView>): Promise<void> => {
    setBusy(true);
    setMessage(undefined);
    setTheirs(undefined);
    try {
      const saved = await patchMachine(session, id, patchOf(fields, changed), basis.etag);
      setDraft((now) => now && draftOf(saved, typedSince(now, fields)));
      setMessage({ kind: 'good', text: 'Saved.' });
      onAnswer(saved);
    } catch (err) {
      if (err instanceof ApiError && staleCodes.has(err.code)) await settle(basis);
      else setMessage({ kind: 'error', text: messageOf(err) });
    }
    setBusy(false);
  };
  /** Saves over changes to other fields; asks the operator if the same field changed. */
  const settle = async (basis: Answer<MachineView>): Promise<void> => {
    try {
      const now = await readMachine(session, id);
      const theirChanges = differing(fieldsOf(basis.body), fieldsOf(now.body));
      if (theirChanges.some((name) => changed.includes(name))) setTheirs(now);
      else await save(now);
    } catch (err) {
      setMessage({ kind: 'error', text: messageOf(err) });
    }
  };
  const undo = (): void => {
    setDraft(undefined);
    setTheirs(undefined);
  };
  const takeTheirs = (): void => {
    undo();
    if (theirs !== undefined) onAnswer(theirs);
  };
  const edit = (change: Partial<Fields>): void => {
    setMessage(undefined);
    setDraft((now) => draftOf(now?.base ?? answer, { ...now?.typed, ...change }));
  };
  return { base, fields, theirs, message, busy, changed, save, takeTheirs, edit, undo };
}

export function ConfigForm({ answer, onAnswer }: FormProps) {
  const form = useConfig({ answer, onAnswer });
  const may = useMay();
  const { fields, theirs, changed, edit, save } = form;

  return (
    <Card title="Settings">
      <form
        class={changed.length === 0 ? 'config' : 'config unsaved'}
        onSubmit={(event) => {
          event.preventDefault();
          void save(form.base);
        }}
      >
        <label>
          Hostname
          <input
            readOnly={!may.operate}
            name="hostname"
            autoComplete="off"
            spellcheck={false}
            placeholder={answer.body.config.memorable_name}
            value={fields.hostname}
            onInput={(event) => edit({ hostname: event.currentTarget.value })}
          />
        </label>
        <TemplateSelect
          label="Template"
          value={fields.template}
          disabled={!may.operate}
          onChange={(template) => edit({ template })}
        />
        <label>
          Tags
          <input
            readOnly={!may.operate}
            name="tags"
            autoComplete="off"
            spellcheck={false}
            placeholder="rack-4, gpu"
            value={fields.tags}
            onInput={(event) => edit({ tags: event.currentTarget.value })}
          />
        </label>
        {theirs !== undefined && (
          <Stale
            mine={fields}
            theirs={fieldsOf(theirs.body)}
            changed={changed}
            onKeep={() => void save(theirs)}
            onTake={form.takeTheirs}
          />
        )}
        {may.operate && <Footer {...form} />}
      </form>
    </Card>
  );
}

type FooterProps = Pick<ReturnType<typeof useConfig>, 'message' | 'changed' | 'busy' | 'undo'>;

function Footer({ message, changed, busy, undo }: FooterProps) {
  const isIdle = changed.length === 0 || busy;
  return (
    <footer>
      <span role="status" class={message?.kind === 'error' ? 'problem' : 'good'}>
        {message?.text}
      </span>
      <button type="button" disabled={isIdle} onClick={undo}>
        Undo
      </button>
      <button type="submit" class="primary" disabled={isIdle}>
        Save
      </button>
    </footer>
  );
}

interface StaleProps {
  readonly mine: Fields;
  readonly theirs: Fields;
  readonly changed: readonly FieldName[];
  readonly onKeep: () => void;
  readonly onTake: () => void;
}

/** Shows their value beside yours, and offers the choice. */
function Stale({ mine, theirs, changed, onKeep, onTake }: StaleProps) {
  const contested = differing(mine, theirs).filter((name) => changed.includes(name));
  return (
    <Notice kind="error" title="Somebody else changed this machine while you were typing.">
      <dl class="facts">
        {contested.map((name) => (
          <div key={name}>
            <dt>{labels[name]}</dt>
            <dd>
              theirs <b>{theirs[name] || 'none'}</b>, yours <b>{mine[name] || 'none'}</b>
            </dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={onTake}>
        Take theirs
      </button>
      <button type="button" onClick={onKeep}>
        Save mine over it
      </button>
    </Notice>
  );
}
