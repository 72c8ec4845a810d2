// The progress of a workflow: its state, its actions with bytes, rate and time left, and their output.
import type { Workflow, WorkflowAction, WorkflowState } from '../../model/documents/workflow.ts';
import { isActive, wordOf, type WorkflowWord } from '../../model/documents/workflow-state.ts';
import { useRow, useServices } from '../context.ts';
import { formatDisk, formatDuration } from '../parts/format.ts';
import { useNow } from '../parts/parts.tsx';

export const wordText: Readonly<Record<WorkflowWord, string>> = {
  pending: 'waiting',
  running: 'running',
  success: 'done',
  failed: 'failed',
  timeout: 'timed out',
  cancelled: 'cancelled',
};

const stateText: Readonly<Record<WorkflowState, string>> = {
  STATE_PENDING: 'waiting',
  STATE_RUNNING: 'running',
  STATE_SUCCESS: 'done',
  STATE_FAILED: 'failed',
  STATE_TIMEOUT: 'timed out',
};

/** The reason why the agent of its machine does not run a workflow that waits; undefined if it gave none. */
export function useRefusal(workflow: Workflow): string | undefined {
  const row = useRow(workflow.spec.hardwareRef);
  if (wordOf(workflow) !== 'pending' || workflow.held !== undefined) return undefined;
  const said = `workflow ${workflow.metadata.name} is not run: `;
  const line = row?.facts.texts.problem?.split('\n').find((one) => one.includes(said));
  const reason = line?.slice(line.indexOf(said) + said.length);
  // Once it is released, the agent is given it again.
  return reason?.startsWith('it is held') === true ? undefined : reason;
}

/** The state of a workflow, and what it waits for. */
export function stateOf(workflow: Workflow, refusal?: string): string {
  if (refusal !== undefined) return `refused by its agent: ${refusal}`;
  const { spec, status, held } = workflow;
  const word = wordOf(workflow);
  if (held !== undefined && isActive(workflow)) return 'held';
  if (word !== 'running' || status?.left === undefined) return wordText[word];
  return spec.plan?.confirmation === 'report'
    ? 'waiting for the installed system'
    : 'waiting for the machine to start its system';
}

export function percentOf(workflow: Workflow): number {
  return Math.round(workflow.status?.progress ?? (wordOf(workflow) === 'success' ? 100 : 0));
}

interface ProgressProps {
  readonly workflow: Workflow;
  /** An error that is shown above it already. */
  readonly said?: string | undefined;
}

/** An error is shown once: the workflow's repeats that of its action. */
export function Progress({ workflow, said }: ProgressProps) {
  const status = workflow.status;
  const state = status?.state ?? 'STATE_PENDING';
  const error = status?.error ?? undefined;
  const percent = percentOf(workflow);
  const refusal = useRefusal(workflow);
  return (
    <div class={`workflow ${state.toLowerCase()}`}>
      <div class="workflow-head">
        <b>{workflow.spec.templateRef}</b>
        <span class={refusal === undefined ? '' : 'problem'}>
          {stateOf(workflow, refusal)}
          {state === 'STATE_RUNNING' && status?.left === undefined ? ` · ${String(percent)} %` : ''}
        </span>
      </div>
      <progress max={100} value={percent} aria-label="Progress" />
      {error !== undefined && error !== said && (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      <ol class="steps">
        {(status?.actions ?? []).map((action, i) => (
          <Step
            key={i}
            action={action}
            text={stepText(action, workflow)}
            message={error?.endsWith(action.message ?? '') === true ? null : action.message}
            current={action.name === status?.currentAction && isActive(workflow)}
          />
        ))}
      </ol>
    </div>
  );
}

/** The state of an action, in a workflow that may have ended around it. */
function stepText({ status, output }: WorkflowAction, workflow: Workflow): string {
  if (status === 'STATE_PENDING' && !isActive(workflow)) return 'not run';
  const isStopped = status === 'STATE_FAILED' && output === undefined;
  return isStopped && workflow.status?.cancelled === true ? 'cancelled' : stateText[status];
}

interface StepProps {
  readonly action: WorkflowAction;
  readonly text: string;
  readonly message: string | null | undefined;
  readonly current: boolean;
}

function Step({ action, text, message, current }: StepProps) {
  const { report, output } = action;
  return (
    <li class={action.status.toLowerCase()} aria-current={current ? 'step' : undefined}>
      <span class="dot" aria-hidden="true" />
      <span>{action.name}</span>
      <span class="quiet">
        {text}
        {typeof action.seconds === 'number' ? `, ${String(Math.round(action.seconds))} s` : ''}
      </span>
      {typeof message === 'string' && <p class="quiet">{message}</p>}
      <Transfer action={action} />
      {report !== undefined && (
        <details>
          <summary>Report</summary>
          <dl>
            {Object.entries(report).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{String(value ?? '')}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
      {output !== undefined && (
        <details open>
          <summary>Last lines of its output</summary>
          <pre>{output.join('\n')}</pre>
        </details>
      )}
    </li>
  );
}

/** The bytes of an action that runs, their average rate since it began, and the time that is left at that rate. */
export function Transfer({ action }: { action: WorkflowAction }) {
  const { session } = useServices();
  const nowMs = useNow() - session.clockAheadMs;
  const { status, transferredBytes, totalBytes, startedAt } = action;
  if (status !== 'STATE_RUNNING' || transferredBytes === undefined) return null;
  const done = Number(transferredBytes);
  const seconds = (nowMs - Date.parse(startedAt ?? '')) / 1000;
  const rate = seconds >= 1 ? done / seconds : undefined;
  const total = totalBytes === undefined ? undefined : Number(totalBytes);
  const parts = [
    total === undefined ? formatDisk(done) : `${formatDisk(done)} of ${formatDisk(total)}`,
    ...(rate === undefined ? [] : [`${formatDisk(Math.round(rate))}/s`]),
    ...(rate === undefined || total === undefined || rate === 0
      ? []
      : [`about ${formatDuration((total - done) / rate)} left`]),
  ];
  return <p class="quiet transfer">{parts.join(' · ')}</p>;
}
