// A machine's latest workflow: its progress, and the buttons that start and cancel one.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { MachineView } from '../../model/api/machines.ts';
import type { Workflow, WorkflowAction, WorkflowState } from '../../model/documents/workflow.ts';
import { cancelWorkflow, createWorkflow, readWorkflows, releaseWorkflow } from '../api.ts';
import { useServices } from '../context.ts';
import { Readings } from '../live/readings.ts';
import { Card, Notice } from '../parts/parts.tsx';
import { ProvisionDialog } from './provision-dialog.tsx';
import { messageOf } from '../session.ts';

const stateText: Readonly<Record<WorkflowState, string>> = {
  STATE_PENDING: 'waiting',
  STATE_RUNNING: 'running',
  STATE_SUCCESS: 'done',
  STATE_FAILED: 'failed',
  STATE_TIMEOUT: 'timed out',
};

const isActive = (workflow: Workflow): boolean => {
  const state = workflow.status?.state ?? 'STATE_PENDING';
  return state === 'STATE_PENDING' || state === 'STATE_RUNNING';
};

interface CardProps {
  readonly machine: MachineView;
  readonly onChanged: () => void;
}

/** The machine's latest workflow, kept up to date, and the way to change it. */
function useWorkflow({ machine, onChanged }: CardProps) {
  const { session, live } = useServices();
  const [workflow, setWorkflow] = useState<Workflow | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const readings = useMemo(() => new Readings(), [machine.id]);
  const reload = useCallback(() => {
    const isNews = readings.begin();
    readWorkflows(session, machine.id).then(
      (workflows) => isNews() && setWorkflow(workflows.at(-1)),
      (err: unknown) => isNews() && setProblem(messageOf(err)),
    );
  }, [session, machine.id, readings]);
  useEffect(reload, [reload]);
  useEffect(() => live.onMachine(machine.id, reload), [live, machine.id, reload]);

  const act = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
      setProblem(undefined);
      reload();
      onChanged();
    } catch (err) {
      setProblem(messageOf(err));
    }
  };
  return { workflow, problem, act };
}

export function WorkflowCard({ machine, onChanged }: CardProps) {
  const { session } = useServices();
  const { workflow, problem, act } = useWorkflow({ machine, onChanged });
  const [asking, setAsking] = useState(false);
  const active = workflow !== undefined && isActive(workflow);
  const template = machine.config.os_choice;
  const isHeld = active && workflow.held !== undefined;
  const controls = active ? (
    <button type="button" onClick={() => void act(cancelWorkflow(session, workflow.metadata.name))}>
      Cancel
    </button>
  ) : (
    <button type="button" disabled={template === null} onClick={() => setAsking(true)}>
      Provision…
    </button>
  );
  return (
    <Card title="Provisioning" aside={controls}>
      {problem !== undefined && <Notice kind="error" title={problem} />}
      {isHeld && (
        <p class="problem" role="status">
          Held: {workflow.held}. It is not carried out before it is released.{' '}
          <button
            type="button"
            onClick={() => void act(releaseWorkflow(session, workflow.metadata.name))}
          >
            Release
          </button>
        </p>
      )}
      {workflow === undefined ? (
        <p class="quiet">
          {template === null
            ? 'This machine has never been provisioned. Assign a template first.'
            : 'This machine has never been provisioned.'}
        </p>
      ) : (
        <Progress workflow={workflow} />
      )}
      {asking && template !== null && (
        <ProvisionDialog
          machine={machine}
          template={template}
          onClose={() => setAsking(false)}
          onConfirm={(consent) => {
            setAsking(false);
            void act(createWorkflow(session, machine.id, consent));
          }}
        />
      )}
    </Card>
  );
}

function Progress({ workflow }: { workflow: Workflow }) {
  const status = workflow.status;
  const state = status?.state ?? 'STATE_PENDING';
  const percent = Math.round(status?.progress ?? (state === 'STATE_SUCCESS' ? 100 : 0));
  return (
    <div class={`workflow ${state.toLowerCase()}`}>
      <div class="workflow-head">
        <b>{workflow.spec.templateRef}</b>
        <span>
          {stateOf(workflow)}
          {state === 'STATE_RUNNING' && status?.left === undefined ? ` · ${String(percent)} %` : ''}
        </span>
      </div>
      <progress max={100} value={percent} aria-label="Progress" />
      {typeof status?.error === 'string' && (
        <p class="problem" role="alert">
          {status.error}
        </p>
      )}
      <ol class="steps">
        {(status?.actions ?? []).map((action, i) => (
          <Step
            key={i}
            action={action}
            text={stepText(action, workflow)}
            current={action.name === status?.currentAction}
          />
        ))}
      </ol>
    </div>
  );
}

function stateOf({ spec, status }: Workflow): string {
  const { state = 'STATE_PENDING', cancelled, left } = status ?? {};
  if (cancelled === true) return 'cancelled';
  if (state !== 'STATE_RUNNING' || left === undefined) return stateText[state];
  return spec.plan?.confirmation === 'report'
    ? 'waiting for the installed system'
    : 'waiting for the machine to start its system';
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
  readonly current: boolean;
}

function Step({ action, text, current }: StepProps) {
  const { report, output } = action;
  return (
    <li class={action.status.toLowerCase()} aria-current={current ? 'step' : undefined}>
      <span class="dot" aria-hidden="true" />
      <span>{action.name}</span>
      <span class="quiet">
        {text}
        {typeof action.seconds === 'number' ? `, ${String(Math.round(action.seconds))} s` : ''}
      </span>
      {typeof action.message === 'string' && <p class="quiet">{action.message}</p>}
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
