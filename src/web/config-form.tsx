// The settings of a machine that an operator may change. A change is based on what was read: when
// somebody else changed the machine in between, both sides are shown and the operator decides.
import { useEffect, useState } from 'preact/hooks';
import { patchMachine, readMachine, type ConfigChange } from './api.ts';
import { tagsOf } from './bulk-dialogs.tsx';
import { useServices } from './context.ts';
import { Card, Notice } from './parts.tsx';
import type { ShownMachine } from './row.ts';
import { ApiError, messageOf, type Answer } from './session.ts';
import { TemplateSelect } from './template-select.tsx';

interface Fields {
  readonly hostname: string;
  readonly template: string;
  readonly tags: string;
}

type FieldName = keyof Fields;

/** The answers that say that the machine is no longer the one that was read. */
const staleCodes = new Set(['request.stale', 'store.conflict']);

const labels: Readonly<Record<FieldName, string>> = {
  hostname: 'Hostname',
  template: 'Template',
  tags: 'Tags',
};

function fieldsOf({ config }: ShownMachine): Fields {
  return {
    hostname: config.hostname ?? '',
    template: config.os_choice ?? '',
    tags: config.tags.join(', '),
  };
}

/** The fields in which two sides differ. */
function differing(one: Fields, other: Fields): FieldName[] {
  const names: readonly FieldName[] = ['hostname', 'template', 'tags'];
  return names.filter((name) => one[name] !== other[name]);
}

function changeOf(fields: Fields, names: readonly FieldName[]): ConfigChange {
  const change: { hostname?: string | null; os_choice?: string | null; tags?: string[] } = {};
  if (names.includes('hostname')) change.hostname = fields.hostname.trim() || null;
  if (names.includes('template')) change.os_choice = fields.template || null;
  if (names.includes('tags')) change.tags = tagsOf(fields.tags);
  return change;
}

interface FormProps {
  readonly answer: Answer<ShownMachine>;
  readonly onSaved: () => void;
}

export function ConfigForm({ answer, onSaved }: FormProps) {
  const { session } = useServices();
  const id = answer.body.id;
  // What the fields started from; it follows the machine as long as nothing was typed.
  const [base, setBase] = useState(answer);
  const [fields, setFields] = useState(() => fieldsOf(answer.body));
  const [theirs, setTheirs] = useState<Answer<ShownMachine> | undefined>();
  const [message, setMessage] = useState<{ kind: 'good' | 'error'; text: string } | undefined>();
  const [busy, setBusy] = useState(false);
  const changed = differing(fields, fieldsOf(base.body));

  useEffect(() => {
    if (changed.length > 0) return;
    setBase(answer);
    setFields(fieldsOf(answer.body));
  }, [answer]);

  const save = async (basis: Answer<ShownMachine>): Promise<void> => {
    setBusy(true);
    setMessage(undefined);
    try {
      const saved = await patchMachine(session, id, changeOf(fields, changed), basis.etag);
      setTheirs(undefined);
      setBase(saved);
      setFields(fieldsOf(saved.body));
      setMessage({ kind: 'good', text: 'Saved.' });
      onSaved();
    } catch (err) {
      if (err instanceof ApiError && staleCodes.has(err.code)) {
        setTheirs(await readMachine(session, id).catch(() => undefined));
      } else setMessage({ kind: 'error', text: messageOf(err) });
    }
    setBusy(false);
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

  return (
    <Card title="Settings">
      <form
        class="config"
        onSubmit={(event) => {
          event.preventDefault();
          void save(base);
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
            onTake={takeTheirs}
          />
        )}
        <footer>
          <span role="status" class={message?.kind === 'error' ? 'problem' : 'good'}>
            {message?.text}
          </span>
          <button
            type="button"
            disabled={changed.length === 0 || busy}
            onClick={() => setFields(fieldsOf(base.body))}
          >
            Undo
          </button>
          <button type="submit" class="primary" disabled={changed.length === 0 || busy}>
            Save
          </button>
        </footer>
      </form>
    </Card>
  );
}

interface StaleProps {
  readonly mine: Fields;
  readonly theirs: Fields;
  readonly changed: readonly FieldName[];
  readonly onKeep: () => void;
  readonly onTake: () => void;
}

/** Somebody else changed the machine: what they have, what was typed here, and the choice. */
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
