// The page of one template: its text, the server's check of it, a trial on a machine, and its end.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { TemplateView } from '../../model/api/templates.ts';
import { readTemplate, saveTemplate, tryTemplate } from './requests.ts';
import { useMay, useServices } from '../context.ts';
import { useWayOut } from '../list/page-keys.ts';
import { gathered } from '../live/gathered.ts';
import { Readings } from '../live/readings.ts';
import { useDraft } from '../parts/draft.ts';
import { useLoaded } from '../parts/loaded.ts';
import { ReadingNotice } from '../parts/reading-notice.tsx';
import { useTask } from '../parts/task.ts';
import { Link } from '../router.tsx';
import { ApiError, messageOf, type Answer, type Session } from '../session.ts';
import { DeleteButton } from './delete-template.tsx';
import { DiffView } from './diff-view.tsx';
import { Editor } from './editor/editor.tsx';
import { examples } from './examples.ts';
import { Stale } from './stale.tsx';
import { documentOf, lineOf, newText, textOf, withName, type Fault } from './template-text.ts';
import { Trial } from './trial.tsx';

/** The pause in typing after which the text is checked. */
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
  const [earlier, setEarlier] = useState<string | undefined>();
  useWayOut('/templates');
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
        <Template
          key={etagOf(value)}
          name={name}
          stored={value}
          earlier={earlier}
          onStored={async (before) => {
            setEarlier(before);
            await reload();
          }}
        />
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

/** Never rejects: a check that fails is reported as a fault of the text too. */
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
  /** The text that the last save of this page replaced. */
  readonly earlier: string | undefined;
  /** Gets the text that was replaced, if there is a way back to it. */
  readonly onStored: (before: string | undefined) => Promise<void>;
}

/** Error codes that mean the template changed since it was read. */
const staleCodes = new Set(['request.stale', 'store.conflict']);

/** The text as it was left when a session ended. */
interface Draft {
  readonly text: string;
  /** That of the template that it changes; undefined for a new one. */
  readonly etag: string | undefined;
}

/** The text while it is edited, and its way to the server. */
function useText({ name, stored, onStored }: Omit<TemplateProps, 'earlier'>) {
  const { session } = useServices();
  const draft = useDraft<Draft>(`template ${name}`);
  const [text, setText] = useState(() => draft.found?.text ?? storedText(name, stored));
  /** The template as somebody else left it. */
  const [theirs, setTheirs] = useState<Stored | undefined>(
    draft.found === undefined || draft.found.etag === etagOf(stored) ? undefined : stored,
  );
  draft.keep(text === storedText(name, stored) ? undefined : { text, etag: etagOf(stored) });
  const { busy, problem, run } = useTask();
  /** Puts a text in the place of `basis`. */
  const put = async (
    content: string,
    basis: Stored,
    wayBack: string | undefined,
  ): Promise<void> => {
    const read = documentOf(content);
    if ('fault' in read) throw new Error(read.fault.message);
    setTheirs(undefined);
    setText(content);
    try {
      await saveTemplate(session, name, read.value, etagOf(basis));
    } catch (err) {
      if (!(err instanceof ApiError) || !staleCodes.has(err.code)) throw err;
      setTheirs(await readStored(session, name));
      return;
    }
    await onStored(wayBack);
  };
  const save = (basis: Stored): void =>
    void run(() => put(text, basis, basis === 'none' ? undefined : storedText(name, basis)));
  const goBack = (earlier: string): void => void run(() => put(earlier, stored, undefined));
  const takeTheirs = (): void => void run(() => onStored(undefined));
  const load = (file: File): void => void run(async () => setText(await file.text()));
  return { text, setText, theirs, busy, problem, save, goBack, takeTheirs, load };
}

function Template({ name, stored, earlier, onStored }: TemplateProps) {
  const may = useMay();
  const before = useMemo(() => storedText(name, stored), [name, stored]);
  const editing = useText({ name, stored, onStored });
  const { text, theirs } = editing;
  const fault = useCheck(name, text);
  const isNew = stored === 'none';
  return (
    <>
      <div class="item-head">
        <h1>{name}</h1>
        {isNew && <span class="pill">not saved yet</span>}
        <span class="spring" />
        {may.operateAll && !isNew && <DeleteButton name={name} etag={stored.etag} />}
      </div>
      <form
        class={text === before ? 'card' : 'card unsaved'}
        onSubmit={(event) => {
          event.preventDefault();
          editing.save(stored);
        }}
      >
        <Editor text={text} fault={fault} readOnly={!may.operateAll} onChange={editing.setText} />
        {theirs !== undefined && (
          <Stale
            theirs={theirs === 'none' ? undefined : storedText(name, theirs)}
            mine={text}
            onTake={editing.takeTheirs}
            onKeep={() => editing.save(theirs)}
          />
        )}
        <p class="problem" role="alert">
          {editing.problem}
        </p>
        {may.operateAll && (
          <Footer
            {...editing}
            before={before}
            earlier={earlier}
            isChanged={isNew || text !== before}
            hasFault={fault !== undefined}
          />
        )}
        {!isNew && text !== before && (
          <details>
            <summary>Changes to the stored template</summary>
            <DiffView label="Changes to the stored template" before={before} after={text} />
          </details>
        )}
      </form>
      {may.operateAll && <Trial name={name} text={text} />}
    </>
  );
}

interface FooterProps extends Pick<
  ReturnType<typeof useText>,
  'busy' | 'setText' | 'goBack' | 'load'
> {
  readonly before: string;
  readonly earlier: string | undefined;
  readonly isChanged: boolean;
  readonly hasFault: boolean;
}

function Footer(props: FooterProps) {
  const { before, earlier, isChanged, hasFault, busy, setText, goBack, load } = props;
  return (
    <footer>
      <Upload onFile={load} />
      <span class="spring" />
      {earlier !== undefined && !isChanged ? (
        <>
          <span role="status" class="good">
            Saved.
          </span>
          <button type="button" disabled={busy} onClick={() => goBack(earlier)}>
            Undo the save
          </button>
        </>
      ) : (
        <button type="button" disabled={!isChanged || busy} onClick={() => setText(before)}>
          Undo
        </button>
      )}
      <button type="submit" class="primary" disabled={!isChanged || busy || hasFault}>
        Save
      </button>
    </footer>
  );
}

/** The text of a template; for a new one, that of the example that the address names. */
function storedText(name: string, stored: Stored): string {
  if (stored === 'none') {
    const wanted = new URLSearchParams(location.search).get('example');
    const example = examples.find((one) => one.name === wanted);
    return example === undefined ? newText(name) : withName(example.text, name);
  }
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
