// The overview: what needs a person, what runs, what changed, and how many machines there are of each kind. Each
// number leads to its list.
import { useEffect, useMemo } from 'preact/hooks';
import { compileQuery, quoted } from '../../model/search/query.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import { useFleet, useLive, useMay, useRow, useServices } from '../context.ts';
import { NoMachines } from '../list/no-rows.tsx';
import { searchPath } from '../list/list-state.ts';
import type { Row } from '../list/rows/row.ts';
import { plural } from '../parts/format.ts';
import { Card, Notice } from '../parts/parts.tsx';
import { Link } from '../router.tsx';
import { percentOf, stateOf, useRefusal, wordText } from '../workflows/progress.tsx';
import { workflowsPath } from '../workflows/workflow-filter.ts';
import { Bars, StateBar, type Group } from './bars.tsx';
import { useWorkflowsNow, type WorkflowsNow } from './workflows-now.ts';

export function OverviewPage() {
  const { all } = useFleet();
  const { load, problem } = useLive();
  const now = useWorkflowsNow();
  const { within } = useMay();
  useEffect(() => {
    document.title = 'Dragonfly';
  }, []);
  return (
    <div class="overview">
      <h1>
        {plural(all.length, 'machine')}
        {load === 'loading' && <span class="spinner" title="Reading machines…" />}
      </h1>
      {within !== undefined && (
        <p class="quiet">
          This token is limited to machines tagged {within.join(' or ')}. Others, conflicts of
          identity and their numbers are not shown.
        </p>
      )}
      {load === 'failed' && (
        <Notice kind="error" title="The machines could not all be read.">
          <p>{problem}</p>
        </Notice>
      )}
      {all.length === 0 && load === 'ready' && <NoMachines />}
      <div class="tiles">
        <Needs rows={all} now={now} />
        <Runs now={now} />
        <Today rows={all} now={now} />
        <Counts rows={all} />
      </div>
    </div>
  );
}

interface Line {
  readonly count: number;
  readonly noun: string;
  readonly text: string;
  readonly to: string;
  readonly isBad?: boolean;
}

/** The machines that each search finds, as lines that lead to their lists. */
function useFound(rows: readonly Row[], searches: readonly (readonly [string, string])[]): Line[] {
  const { session } = useServices();
  return useMemo(
    () =>
      searches.map(([query, text]) => {
        const { matches } = compileQuery(query, Date.now() - session.clockAheadMs);
        const count = rows.filter(({ facts }) => matches(facts)).length;
        return { count, noun: 'machine', text, to: searchPath(query) };
      }),
    [rows, session],
  );
}

function Lines({ lines, empty }: { lines: readonly Line[]; empty: string }) {
  const shown = lines.filter(({ count }) => count > 0);
  if (shown.length === 0) return <p class="quiet">{empty}</p>;
  return (
    <ul class="lines">
      {shown.map(({ count, noun, text, to, isBad }) => (
        <li key={text + noun}>
          <Link to={to} class={isBad === true ? 'bad' : ''}>
            <b>{count.toLocaleString('en')}</b> {count === 1 ? noun : `${noun}s`} {text}
          </Link>
        </li>
      ))}
    </ul>
  );
}

const needs = [
  ['state:error', 'in Error'],
  ['live:gone -state:offline -is:agentless', 'silent: no more heartbeats'],
  ['is:overdue', 'installed, and not heard of since'],
  ['problem:*', 'with problems'],
  ['live:unheard state:provisioning', 'being installed, and not heard of'],
] as const;

function Needs({ rows, now }: { rows: readonly Row[]; now: WorkflowsNow }) {
  const conflicts = useLive().conflicts?.length ?? 0;
  const held = now.active.filter((workflow) => workflow.held !== undefined).length;
  const lines: Line[] = [
    { count: conflicts, noun: 'identity conflict', text: '', to: '/conflicts', isBad: true },
    ...useFound(rows, needs),
    { count: held, noun: 'workflow', text: 'held', to: workflowsPath({ state: 'active' }) },
  ];
  return (
    <Card title="Needs attention">
      <Lines lines={lines} empty="Nothing." />
    </Card>
  );
}

function Runs({ now }: { now: WorkflowsNow }) {
  const { active, counts, problem } = now;
  const total = (counts.now?.pending ?? 0) + (counts.now?.running ?? 0);
  return (
    <Card
      title="Running now"
      aside={
        total > 0 && (
          <Link to={workflowsPath({ state: 'active' })}>{plural(total, 'workflow')}</Link>
        )
      }
    >
      {problem !== undefined && <p class="problem">{problem}</p>}
      {active.length === 0 && problem === undefined && <p class="quiet">No workflows.</p>}
      <ul class="lines">
        {active.slice(0, 8).map((workflow) => (
          <Run key={workflow.metadata.name} workflow={workflow} />
        ))}
      </ul>
    </Card>
  );
}

function Run({ workflow }: { workflow: Workflow }) {
  const id = workflow.spec.hardwareRef;
  const name = useRow(id)?.name ?? id;
  const { currentAction } = workflow.status ?? {};
  const refusal = useRefusal(workflow);
  return (
    <li class="run">
      <Link to={`/machines/${id}`}>{name}</Link>
      <span class={refusal === undefined ? 'quiet' : 'problem'}>
        {workflow.spec.templateRef}: {currentAction ?? stateOf(workflow, refusal)}
      </span>
      <progress max={100} value={percentOf(workflow)} aria-label={`Progress of ${name}`} />
    </li>
  );
}

const today = [
  ['added:24h', 'first seen'],
  ['changed:24h', 'changed or checked in'],
] as const;

function Today({ rows, now }: { rows: readonly Row[]; now: WorkflowsNow }) {
  const { success = 0, failed = 0, timeout = 0, cancelled = 0 } = now.counts.today ?? {};
  const workflows = (count: number, state: 'success' | 'failed' | 'timeout' | 'cancelled') => ({
    count,
    noun: 'workflow',
    text: wordText[state],
    to: workflowsPath({ state, since: '24h' }),
    isBad: state === 'failed' || state === 'timeout',
  });
  const lines = [
    ...useFound(rows, today),
    workflows(success, 'success'),
    workflows(failed, 'failed'),
    workflows(timeout, 'timeout'),
    workflows(cancelled, 'cancelled'),
  ];
  return (
    <Card title="Last 24 hours">
      <Lines lines={lines} empty="Nothing changed." />
    </Card>
  );
}

/** The machines that have each value, the most frequent first. */
function groups(
  rows: readonly Row[],
  field: string,
  of: (row: Row) => string | null | undefined,
): Group[] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    const value = of(row);
    if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([a, one], [b, other]) => other - one || (a < b ? -1 : 1))
    .map(([name, count]) => ({ name, count, to: searchPath(`${field}:=${quoted(name)}`) }));
}

function Counts({ rows }: { rows: readonly Row[] }) {
  const by = useMemo(
    () => ({
      states: groups(rows, 'state', ({ state }) => state.toLowerCase()),
      livenesses: groups(rows, 'live', ({ liveness }) => liveness),
      systems: groups(rows, 'os', ({ os }) => os),
      models: groups(rows, 'model', ({ model }) => model),
      templates: groups(rows, 'template', ({ template }) => template),
      agents: groups(rows, 'agent', ({ agent }) => agent),
    }),
    [rows],
  );
  return (
    <>
      <Card title="State">
        <StateBar kind="state" groups={by.states} />
      </Card>
      <Card title="Liveness">
        <StateBar kind="live" groups={by.livenesses} />
      </Card>
      <Bars title="Installed systems" groups={by.systems} />
      <Bars title="Models" groups={by.models} />
      <Bars title="Templates" groups={by.templates} />
      <Bars title="Agents" groups={by.agents} />
    </>
  );
}
