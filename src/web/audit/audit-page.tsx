// The page of the audit log: who changed what, when and from where, newest first.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { AuditEntry } from '../../model/documents/audit.ts';
import { exportAudit, readAudit } from './requests.ts';
import { useMay, useRow, useServices } from '../context.ts';
import { save } from '../list/export.ts';
import { Readings } from '../live/readings.ts';
import { Age, Notice, useNow } from '../parts/parts.tsx';
import { ReadingNotice } from '../parts/reading-notice.tsx';
import { useTask } from '../parts/task.ts';
import { Link, navigate } from '../router.tsx';
import { messageOf } from '../session.ts';
import { sinceOf, SpanSelect } from '../parts/span.tsx';
import { auditedKinds, auditFilterOf, auditPath, type AuditFilter } from './audit-filter.ts';

interface Shown {
  readonly entries: readonly AuditEntry[];
  readonly next: string | null;
}

/** The entries that the filter finds, and older ones on demand. */
function useAudit({ by, action, record, since }: AuditFilter) {
  const { session } = useServices();
  const [shown, setShown] = useState<Shown | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const readings = useMemo(() => new Readings(), []);
  const read = useCallback(
    async (before: Shown | undefined) => {
      const isNews = readings.begin();
      const from =
        since === undefined ? undefined : sinceOf(since, Date.now() - session.clockAheadMs);
      const cursor = before?.next ?? undefined;
      try {
        const page = await readAudit(session, { by, action, record, since: from, cursor });
        if (!isNews()) return;
        setShown({
          entries: [...(before?.entries ?? []), ...page.entries],
          next: page.next_cursor,
        });
        setProblem(undefined);
      } catch (err) {
        if (isNews()) setProblem(messageOf(err));
      }
    },
    [session, by, action, record, since, readings],
  );
  useEffect(() => {
    setShown(undefined);
    void read(undefined);
  }, [read]);
  const reload = useCallback(() => void read(undefined), [read]);
  return { shown, problem, reload, readMore: () => void read(shown) };
}

export function AuditPage({ search }: { search: string }) {
  const { administer } = useMay();
  useEffect(() => {
    document.title = 'Audit · Dragonfly';
  }, []);
  return (
    <div class="workflows">
      <h1>Audit</h1>
      {administer ? (
        <Log filter={auditFilterOf(search)} />
      ) : (
        <Notice kind="empty" title="The audit log is for those who may do everything." />
      )}
    </div>
  );
}

function Log({ filter }: { filter: AuditFilter }) {
  const { shown, problem, reload, readMore } = useAudit(filter);
  // Drawn anew with the entries, its fields would lose what is being typed.
  const form = useMemo(() => <Filter filter={filter} onReload={reload} />, [filter, reload]);
  return (
    <>
      {form}
      <ReadingNotice
        busy="Reading the audit log…"
        failed="The audit log could not be read."
        isThere={shown !== undefined}
        problem={problem}
        onRetry={reload}
      />
      {shown?.entries.length === 0 && shown.next === null && (
        <Notice
          kind="empty"
          title={`Nobody has changed anything ${auditPath(filter) === '/audit' ? 'yet' : 'of this kind'}.`}
        />
      )}
      {shown !== undefined && shown.entries.length > 0 && <Entries entries={shown.entries} />}
      {typeof shown?.next === 'string' && (
        <button type="button" class="more" onClick={readMore}>
          Show older
        </button>
      )}
    </>
  );
}

function Filter({ filter, onReload }: { filter: AuditFilter; onReload: () => void }) {
  const { session } = useServices();
  const { busy, problem, run } = useTask();
  const go = (change: AuditFilter): void => navigate(auditPath({ ...filter, ...change }));
  const text = (name: 'by' | 'record', label: string, example: string) => (
    <label>
      {label}
      <input
        name={name}
        autoComplete="off"
        placeholder={example}
        value={filter[name] ?? ''}
        onChange={({ currentTarget: { value } }) => go({ [name]: value })}
      />
    </label>
  );
  return (
    <form
      class="audit-filter"
      role="search"
      aria-label="Filter the audit log"
      onSubmit={(event) => event.preventDefault()}
    >
      {text('by', 'Who', 'name of a token or person')}
      <ActionField action={filter.action} onChange={(action) => go({ action })} />
      {text('record', 'Record', 'machines/ID')}
      <label>
        When
        <SpanSelect value={filter.since} onChange={(since) => go({ since })} />
      </label>
      <button type="button" onClick={onReload}>
        Read again
      </button>
      <button
        type="button"
        disabled={busy}
        title="The whole log, one JSON document to a line"
        onClick={() =>
          void run(async () => {
            save('audit.ndjson', 'application/x-ndjson', await exportAudit(session));
          })
        }
      >
        Export all
      </button>
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

interface ActionProps {
  readonly action: string | undefined;
  readonly onChange: (action: string) => void;
}

function ActionField({ action, onChange }: ActionProps) {
  return (
    <label>
      What
      <select value={action ?? ''} onChange={({ currentTarget: { value } }) => onChange(value)}>
        <option value="">anything</option>
        {auditedKinds.map((kind) => (
          <option key={kind} value={kind}>
            {kind}
          </option>
        ))}
        {action !== undefined && !isKind(action) && <option value={action}>{action}</option>}
      </select>
    </label>
  );
}

const isKind = (text: string): boolean => auditedKinds.some((kind) => kind === text);

function Entries({ entries }: { entries: readonly AuditEntry[] }) {
  const { session } = useServices();
  const nowMs = useNow() - session.clockAheadMs;
  return (
    <ol class="card audit" aria-label="Changes, newest first">
      {entries.map((entry) => (
        <Entry key={entry.id} entry={entry} nowMs={nowMs} />
      ))}
    </ol>
  );
}

/** The records of an entry that are shown at once. */
const mostShown = 3;

function Entry({ entry, nowMs }: { entry: AuditEntry; nowMs: number }) {
  const { at, by, from, action, records, change } = entry;
  const more = records.length - mostShown;
  return (
    <li>
      <span class="quiet">
        <Age atMs={Date.parse(at)} nowMs={nowMs} ago />
      </span>
      <Link to={auditPath({ by })} class="who">
        {by}
      </Link>
      <span>{action}</span>
      <span class="records">
        {records.slice(0, mostShown).map((record) => (
          <Record key={record} record={record} />
        ))}
        {more > 0 && <span class="quiet">and {more} more</span>}
      </span>
      <details>
        <summary aria-label={`Details of ${action} by ${by}, ${at}`}>Details</summary>
        <dl>
          <dt>Time</dt>
          <dd>{at}</dd>
          <dt>From</dt>
          <dd>{from ?? 'the command line'}</dd>
          {more > 0 && (
            <>
              <dt>Records</dt>
              <dd>{records.join(', ')}</dd>
            </>
          )}
        </dl>
        {change !== null && <pre>{JSON.stringify(change, undefined, 2)}</pre>}
      </details>
    </li>
  );
}

function Record({ record }: { record: string }) {
  const [kind, id = ''] = record.split('/');
  const name = useRow(id)?.name;
  if (kind !== 'machines' || name === undefined) return <span title={record}>{record}</span>;
  return (
    <Link to={`/machines/${id}`}>
      <span title={record}>{name}</span>
    </Link>
  );
}
