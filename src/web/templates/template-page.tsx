// The page of one template: its text, the server's check of it, a trial on a machine, and its end.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { TemplateView } from '../../model/api/templates.ts';
import { readTemplate, saveTemplate, tryTemplate } from '../api.ts';
import { useMay, useServices } from '../context.ts';
import { usePageKeys } from '../list/page-keys.ts';
import { gathered } from '../live/gathered.ts';
import { Readings } from '../live/readings.ts';
import { useLoaded } from '../parts/loaded.ts';
import { ReadingNotice } from '../parts/reading-notice.tsx';
import { useTask } from '../parts/task.ts';
import { Link, navigate } from '../router.tsx';
import { ApiError, messageOf, type Answer, type Session } from '../session.ts';
import { DeleteButton } from './delete-template.tsx';
import { Editor } from './editor.tsx';
import { documentOf, lineOf, newText, textOf, type Fault } from './template-text.ts';
import { Trial } from './trial.tsx';

/** The text is checked once nothing was typed for so long. */
const settleMs = 400;

type Stored = Answer<TemplateView> | 'none';

/** The template as it is stored, or that there is none. */
async function readStored(session: Session, name: string): Promise<Stored> {
  try {
    return await readTemplate(session, name);
  } catch (err) {
    if (err instanceof ApiError && err.code === 'template.unknown') return 'none';
    throw err;
  }
}

export function TemplatePage({ name }: { name: string }) {
  const { session } = useServices();
  const read = useCallback(() => readStored(session, name), [session, name]);
  const { value, problem, reload } = useLoaded(read);
  usePageKeys({ Escape: () => navigate('/templates') });
  useEffect(() => {
    document.title = `${name} · Dragonfly`;
  }, [name]);
  return (
    <div class="workflows">
      <Link to="/templates" class="back">
        ← All templates <kbd>Esc</kbd>
      </Link>
      <ReadingNotice
        busy="Reading the template…"
        failed="This template cannot be shown."
        isThere={value !== undefined}
        problem={problem}
        onRetry={() => void reload()}
      />
      {value !== undefined && (
        <Template key={etagOf(value)} name={name} stored={value} onStored={reload} />
      )}
    </div>
  );
}

const etagOf = (stored: Stored): string | undefined =>
  stored === 'none' ? undefined : stored.etag;

/** The fault of a text, by the server's own check; undefined while there is none, or it is not known yet. */
function useCheck(name: string, text: string): Fault | undefined {
  const { session } = useServices();
  const may = useMay();
  const [fault, setFault] = useState<Fault | undefined>();
  const readings = useMemo(() => new Readings(), []);
  const latest = useMemo(() => ({ text }), []);
  latest.text = text;
  const checks = useMemo(
    () =>
      gathered(() => {
        const check = async (): Promise<void> => {
          const isNews = readings.begin();
          const { text: checked } = latest;
          const found = await faultOf(session, name, checked);
          if (isNews() && latest.text === checked) setFault(found);
        };
        void check();
      }, settleMs),
    [session, name],
  );
  useEffect(() => checks.stop, [checks]);
  useEffect(() => {
    if (may.operateAll) checks.ask();
  }, [text, checks]);
  return fault;
}

/** Never rejects: what cannot be asked is a fault of the text's as well. */
async function faultOf(session: Session, name: string, text: string): Promise<Fault | undefined> {
  const read = documentOf(text);
  if ('fault' in read) return read.fault;
  try {
    await tryTemplate(session, name, read.value, undefined);
    return undefined;
  } catch (err) {
    const { path } = err instanceof ApiError ? err.details : {};
    const line = typeof path === 'string' ? lineOf(text, path) : undefined;
    return { line, message: messageOf(err).replace(/^body: /, '') };
  }
}

interface TemplateProps {
  readonly name: string;
  readonly stored: Stored;
  readonly onStored: () => Promise<void>;
}

function Template({ name, stored, onStored }: TemplateProps) {
  const { session } = useServices();
  const may = useMay();
  const before = useMemo(() => storedText(name, stored), [name, stored]);
  const [text, setText] = useState(before);
  const fault = useCheck(name, text);
  const { busy, problem, run } = useTask();
  const isNew = stored === 'none';
  const isChanged = isNew || text !== before;
  const save = async (): Promise<void> => {
    const read = documentOf(text);
    if ('fault' in read) throw new Error(read.fault.message);
    await saveTemplate(session, name, read.value, isNew ? undefined : stored.etag);
    await onStored();
  };
  return (
    <>
      <div class="item-head">
        <h1>{name}</h1>
        {isNew && <span class="pill">not saved yet</span>}
        <span class="spring" />
        {may.operateAll && !isNew && <DeleteButton name={name} etag={stored.etag} />}
      </div>
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void run(save);
        }}
      >
        <Editor text={text} fault={fault} readOnly={!may.operateAll} onChange={setText} />
        <p class="problem" role="alert">
          {problem}
        </p>
        {may.operateAll && (
          <footer>
            <Upload onFile={(file) => void run(async () => setText(await file.text()))} />
            <span class="spring" />
            <button type="button" disabled={!isChanged || busy} onClick={() => setText(before)}>
              Undo
            </button>
            <button
              type="submit"
              class="primary"
              disabled={!isChanged || busy || fault !== undefined}
            >
              Save
            </button>
          </footer>
        )}
      </form>
      {may.operateAll && <Trial name={name} text={text} />}
    </>
  );
}

function storedText(name: string, stored: Stored): string {
  if (stored === 'none') return newText(name);
  const { fault: _shown, ...template } = stored.body;
  return textOf(template);
}

/** Lets a file be chosen. */
function Upload({ onFile }: { onFile: (file: File) => void }) {
  return (
    <label class="upload">
      From a file
      <input
        type="file"
        accept=".yaml,.yml,.json"
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          if (file !== undefined) onFile(file);
          currentTarget.value = '';
        }}
      />
    </label>
  );
}
