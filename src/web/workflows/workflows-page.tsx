// The page of all workflows: by state and time, with their progress, and a retry of those that did not succeed.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { MachineView } from '../../model/api/machines.ts';
import type { WorkflowCounts } from '../../model/api/workflows.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import { isActive, wordOf } from '../../model/documents/workflow-state.ts';
import { readMachine } from '../machine/requests.ts';
import {
  cancelWorkflow,
  countWorkflows,
  createWorkflow,
  readWorkflows,
  type WorkflowPage,
} from './requests.ts';
import { useMay, useRow, useServices } from '../context.ts';
import { gathered } from '../live/gathered.ts';
import { Readings } from '../live/readings.ts';
import { ProvisionDialog } from '../machine/provision-dialog.tsx';
import { Notice } from '../parts/parts.tsx';
import { ReadingNotice } from '../parts/reading-notice.tsx';
import { sinceOf, SpanSelect } from '../parts/span.tsx';
import { useTask } from '../parts/task.ts';
import { Link, navigate } from '../router.tsx';
import { messageOf } from '../session.ts';
import { percentOf, Progress, stateOf, Transfer, useRefusal, wordText } from './progress.tsx';
import { timesOf, WordPill } from './word-pill.tsx';
import {
  states,
  workflowFilterOf,
  workflowsPath,
  type WorkflowFilter,
  type WorkflowState,
} from './workflow-filter.ts';

const pageSize = 50;
/** Changes are gathered for this long before the list is read again. */
const gatherMs = 1000;

interface Shown extends WorkflowPage {
  readonly counts: WorkflowCounts['counts'];
}

/** The workflows that the filter finds, kept up to date, and more of them on demand. */
function useWorkflows({ state, since }: WorkflowFilter) {
  const { session, live } = useServices();
  const [limit, setLimit] = useState(pageSize);
  const [shown, setShown] = useState<Shown | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const readings = useMemo(() => new Readings(), []);
  const reload = useCallback(async () => {
    const isNews = readings.begin();
    const from =
      since === undefined ? undefined : sinceOf(since, Date.now() - session.clockAheadMs);
    try {
      const [page, counts] = await Promise.all([
        readWorkflows(session, { state, since: from, limit }),
        countWorkflows(session, from),
      ]);
      if (!isNews()) return;
      setShown({ ...page, counts });
      setProblem(undefined);
    } catch (err) {
      if (isNews()) setProblem(messageOf(err));
    }
  }, [session, state, since, limit, readings]);
  useEffect(() => {
    void reload();
    const changes = gathered(() => void reload(), gatherMs);
    const unfollow = live.onWorkflows(changes.ask);
    return () => {
      changes.stop();
      unfollow();
    };
  }, [live, reload]);
  return {
    shown,
    problem,
    reload: () => void reload(),
    readMore: () => setLimit(Math.min(1000, limit + pageSize)),
  };
}

export function WorkflowsPage({ search }: { search: string }) {
  const filter = workflowFilterOf(search);
  const { shown, problem, reload, readMore } = useWorkflows(filter);
  useEffect(() => {
    document.title = 'Workflows · Dragonfly';
  }, []);
  return (
    <div class="workflows">
      <h1>Workflows</h1>
      <Chips filter={filter} counts={shown?.counts} />
      <ReadingNotice
        busy="Reading workflows…"
        failed="The workflows could not be read."
        isThere={shown !== undefined}
        problem={problem}
        onRetry={reload}
      />
      {shown?.workflows.length === 0 && (
        <Notice kind="empty" title="No workflow here.">
          <p>A machine that is provisioned gets one.</p>
        </Notice>
      )}
      {shown?.workflows.map((workflow) => (
        <Item key={workflow.metadata.name} workflow={workflow} onChanged={reload} />
      ))}
      {typeof shown?.next_cursor === 'string' && (
        <button type="button" class="more" onClick={readMore}>
          Show more
        </button>
      )}
    </div>
  );
}

interface ChipsProps {
  readonly filter: WorkflowFilter;
  readonly counts: WorkflowCounts['counts'] | undefined;
}

function Chips({ filter, counts }: ChipsProps) {
  const count = (state: WorkflowState): number => {
    if (counts === undefined || state === 'ended') return 0;
    return state === 'active' ? counts.pending + counts.running : counts[state];
  };
  const text = (state: WorkflowState): string =>
    state === 'active' || state === 'ended' ? state : wordText[state];
  const go = (change: WorkflowFilter): void => navigate(workflowsPath({ ...filter, ...change }));
  return (
    <div class="chips" role="group" aria-label="Filter by state and time">
      {states.map((state) => (
        <button
          key={state}
          type="button"
          class={`chip word-${state}`}
          aria-pressed={filter.state === state}
          onClick={() => go({ state: filter.state === state ? undefined : state })}
        >
          <span class="dot" aria-hidden="true" />
          {text(state)} <b>{count(state).toLocaleString('en')}</b>
        </button>
      ))}
      <span class="divider" />
      <SpanSelect label="Made in" value={filter.since} onChange={(since) => go({ since })} />
    </div>
  );
}

interface ItemProps {
  readonly workflow: Workflow;
  readonly onChanged: () => void;
}

function Item({ workflow, onChanged }: ItemProps) {
  const { spec, status } = workflow;
  const name = useRow(spec.hardwareRef)?.name ?? spec.hardwareRef;
  const refusal = useRefusal(workflow);
  const current = status?.actions?.find(({ status: state }) => state === 'STATE_RUNNING');
  return (
    <article class="card item" aria-label={`${spec.templateRef} on ${name}`}>
      <div class="item-head">
        <Link to={`/machines/${spec.hardwareRef}`} class="item-name">
          {name}
        </Link>
        <WordPill workflow={workflow} />
        <span>{spec.templateRef}</span>
        <span class="quiet">{timesOf(workflow)}</span>
        <span class="spring" />
        <Controls workflow={workflow} name={name} onChanged={onChanged} />
      </div>
      {isActive(workflow) && (
        <>
          <progress max={100} value={percentOf(workflow)} aria-label={`Progress of ${name}`} />
          <p class={refusal === undefined ? 'quiet' : 'problem'}>
            {current?.message ?? current?.name ?? stateOf(workflow, refusal)}
          </p>
          {current !== undefined && <Transfer action={current} />}
        </>
      )}
      {typeof status?.error === 'string' && <p class="problem">{status.error}</p>}
      <details>
        <summary>Actions</summary>
        <Progress workflow={workflow} said={status?.error ?? undefined} />
      </details>
    </article>
  );
}

interface ControlsProps extends ItemProps {
  /** The machine's. */
  readonly name: string;
}

function Controls({ workflow, name, onChanged }: ControlsProps) {
  const { session } = useServices();
  const may = useMay();
  const { busy, problem, run } = useTask();
  const [machine, setMachine] = useState<MachineView | undefined>();
  if (!may.operate) return null;
  const cancel = async (): Promise<void> => {
    await cancelWorkflow(session, workflow.metadata.name);
    onChanged();
  };
  const ask = async (): Promise<void> =>
    setMachine((await readMachine(session, workflow.spec.hardwareRef)).body);
  const what = `${workflow.spec.templateRef} on ${name}`;
  const mayRetry = !isActive(workflow) && wordOf(workflow) !== 'success';
  return (
    <>
      {problem !== undefined && (
        <span class="problem" role="alert">
          {problem}
        </span>
      )}
      {isActive(workflow) && (
        <button
          type="button"
          aria-label={`Cancel ${what}`}
          disabled={busy}
          onClick={() => void run(cancel)}
        >
          Cancel
        </button>
      )}
      {mayRetry && (
        <button
          type="button"
          aria-label={`Retry… ${what}`}
          disabled={busy}
          onClick={() => void run(ask)}
        >
          Retry…
        </button>
      )}
      {machine !== undefined && (
        <ProvisionDialog
          machine={machine}
          template={workflow.spec.templateRef}
          onClose={() => setMachine(undefined)}
          onConfirm={async (order) => {
            await createWorkflow(session, machine.id, order);
            setMachine(undefined);
            onChanged();
          }}
        />
      )}
    </>
  );
}
