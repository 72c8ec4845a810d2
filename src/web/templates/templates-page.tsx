// The page of all templates: what each does, who uses it, and why one cannot be run.
import { useCallback, useEffect, useState } from 'preact/hooks';
import { quoted } from '../../model/search/query.ts';
import type { TemplateView } from '../../model/api/templates.ts';
import { readTemplates } from './requests.ts';
import { useFleet, useMay, useServices } from '../context.ts';
import { searchPath } from '../list/list-state.ts';
import type { Row } from '../list/rows/row.ts';
import { examples } from './examples.ts';
import { FormDialog, NameField } from '../parts/dialogs/form-dialog.tsx';
import { plural } from '../parts/format.ts';
import { useLoaded } from '../parts/loaded.ts';
import { Notice } from '../parts/parts.tsx';
import { ReadingNotice } from '../parts/reading-notice.tsx';
import { Link, navigate } from '../router.tsx';

const templatePath = (name: string): string => `/templates/${encodeURIComponent(name)}`;

export function TemplatesPage() {
  const { session } = useServices();
  const { all } = useFleet();
  const may = useMay();
  const { value, problem, reload } = useLoaded(
    useCallback(() => readTemplates(session), [session]),
  );
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    document.title = 'Templates · Dragonfly';
  }, []);
  return (
    <div class="workflows">
      <div class="item-head">
        <h1>Templates</h1>
        <span class="spring" />
        {may.operateAll && (
          <button type="button" onClick={() => setAsking(true)}>
            New template…
          </button>
        )}
      </div>
      <ReadingNotice
        busy="Reading templates…"
        failed="The templates could not be read."
        isThere={value !== undefined}
        problem={problem}
        onRetry={() => void reload()}
      />
      {value?.length === 0 && (
        <Notice kind="empty" title="No template yet.">
          <p>
            A template says what is done to a machine: which image is written, and what after it.
          </p>
        </Notice>
      )}
      {value?.map((template) => (
        <Item key={template.metadata.name} template={template} rows={all} />
      ))}
      {asking && <NewTemplate onClose={() => setAsking(false)} />}
    </div>
  );
}

function Item({ template, rows }: { template: TemplateView; rows: readonly Row[] }) {
  const { metadata, spec, fault } = template;
  const { name } = metadata;
  const users = rows.filter((row) => row.template === name).length;
  return (
    <article class="card item" aria-label={name}>
      <div class="item-head">
        <Link to={templatePath(name)} class="item-name">
          {name}
        </Link>
        {users > 0 ? (
          <Link to={searchPath(`template:${quoted(name)}`)}>{plural(users, 'machine')}</Link>
        ) : (
          <span class="quiet">no machine</span>
        )}
      </div>
      <p class="quiet">{spec.actions.map(({ action }) => action).join(', ')}</p>
      {fault !== undefined && <p class="problem">{fault}</p>}
    </article>
  );
}

function NewTemplate({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [example, setExample] = useState('');
  const submit = (): Promise<[string]> => {
    const query = example === '' ? '' : `?${new URLSearchParams({ example }).toString()}`;
    navigate(`${templatePath(name.trim())}${query}`);
    return Promise.resolve(['']);
  };
  return (
    <FormDialog
      title="New template"
      action="Write it"
      disabled={!/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(name.trim())}
      submit={submit}
      onClose={onClose}
      onDone={() => {}}
    >
      <NameField example="debian-13" value={name} onInput={setName} />
      <p class="quiet">Letters, digits, dots, dashes and underscores.</p>
      <label>
        Start from
        <select
          name="example"
          value={example}
          onChange={({ currentTarget: { value } }) => setExample(value)}
        >
          <option value="">an image that is written to a disk</option>
          {examples.map((one) => (
            <option key={one.name} value={one.name}>
              {one.name}: {one.says}
            </option>
          ))}
        </select>
      </label>
    </FormDialog>
  );
}
