// The form for a machine's settings. If somebody else changed the same setting since it was read, both
// values are shown and the operator decides.
import { useEffect, useState } from 'preact/hooks';
import type { MachinePatch, MachineView } from '../../model/api/machines.ts';
import { patchMachine, readMachine } from '../api.ts';
import { tagsOf, tagsText } from '../list/tags-text.ts';
import { useServices } from '../context.ts';
import { Card, Notice } from '../parts/parts.tsx';
import { ApiError, messageOf, type Answer } from '../session.ts';
import { TemplateSelect } from './template-select.tsx';

interface Fields {
  readonly hostname: string;
  readonly template: string;
  readonly tags: string;
}

type FieldName = keyof Fields;

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
  const names: readonly FieldName[] = ['hostname', 'template', 'tags'];
  return names.filter((name) => one[name] !== other[name]);
}

function patchOf(fields: Fields, names: readonly FieldName[]): MachinePatch {
  return {
    ...(names.includes('hostname') ? { hostname: fields.hostname.trim() || null } : {}),
    ...(names.includes('template') ? { os_choice: fields.template || null } : {}),
    ...(names.includes('tags') ? { tags: tagsOf(fields.tags) } : {}),
  };
}

interface FormProps {
  readonly answer: Answer<MachineView>;
  readonly onSaved: () => void;
}

/** The settings while they are edited, and their way to the server. */
function useConfig({ answer, onSaved }: FormProps) {
  const { session } = useServices();
  const id = answer.body.id;
  // The answer the fields started from. It follows the machine until something is typed.
  const [base, setBase] = useState(answer);
  const [fields, setFields] = useState(() => fieldsOf(answer.body));
  const [theirs, setTheirs] = useState<Answer<MachineView> | undefined>();
  const [message, setMessage] = useState<{ kind: 'good' | 'error'; text: string } | undefined>();
  const [busy, setBusy] = useState(false);
  const changed = differing(fields, fieldsOf(base.body));

  useEffect(() => {
    if (changed.length > 0) return;
    setBase(answer);
    setFields(fieldsOf(answer.body));
  }, [answer]);

  const save = async (basis: Answer<MachineView>): Promise<void> => {
    setBusy(true);
    setMessage(undefined);
    setTheirs(undefined);
    try {
      const saved = await patchMachine(session, id, patchOf(fields, changed), basis.etag);
      setBase(saved);
      setFields(fieldsOf(saved.body));
      setMessage({ kind: 'good', text: 'Saved.' });
      onSaved();
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
  const takeTheirs = (): void => {
    if (theirs === undefined) return;
    setBase(theirs);
    setFields(fieldsOf(theirs.body));
    setTheirs(undefined);
  };
  const edit = (change: Partial<Fields>): void => {
    setMessage(undefined);
    setFields({ ...fields, ...change });
  };
  const undo = (): void => setFields(fieldsOf(base.body));
  return { base, fields, theirs, message, busy, changed, save, takeTheirs, edit, undo };
}

export function ConfigForm({ answer, onSaved }: FormProps) {
  const form = useConfig({ answer, onSaved });
  const { fields, theirs, changed, edit, save } = form;

  return (
    <Card title="Settings">
      <form
        class="config"
        onSubmit={(event) => {
          event.preventDefault();
          void save(form.base);
        }}
      >
        <label>
          Hostname
          <input
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
          onChange={(template) => edit({ template })}
        />
        <label>
          Tags
          <input
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
        <Footer {...form} />
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
