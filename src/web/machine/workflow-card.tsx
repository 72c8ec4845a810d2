// A machine's workflows: the latest with its progress, the earlier ones with their outcome, and the buttons that
// start, retry and cancel one.
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { MachineView } from '../../model/api/machines.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import { errorOf } from '../../model/machine-state.ts';
import { isActive, wordOf } from '../../model/documents/workflow-state.ts';
import {
  cancelWorkflow,
  createWorkflow,
  readWorkflows,
  releaseWorkflow,
} from '../workflows/requests.ts';
import { useMay, useServices } from '../context.ts';
import { Readings } from '../live/readings.ts';
import { Card, Notice } from '../parts/parts.tsx';
import { Progress } from '../workflows/progress.tsx';
import { timesOf, WordPill } from '../workflows/word-pill.tsx';
import { ProvisionDialog } from './provision-dialog.tsx';
import { messageOf } from '../session.ts';

interface CardProps {
  readonly machine: MachineView;
  readonly onChanged: () => void;
}

/** The most workflows of a machine that are shown. */
const shown = 50;

/** The machine's workflows, newest first, kept up to date, and the way to change them. */
function useWorkflow({ machine, onChanged }: CardProps) {
  const { session, live } = useServices();
  const [workflows, setWorkflows] = useState<readonly Workflow[]>([]);
  const [problem, setProblem] = useState<string | undefined>();
  /** The reason why they could not be read the last time. */
  const [unread, setUnread] = useState<string | undefined>();
  const readings = useMemo(() => new Readings(), [machine.id]);
  const reload = useCallback(() => {
    const isNews = readings.begin();
    const read = async (): Promise<void> => {
      try {
        const page = await readWorkflows(session, { machine_id: machine.id, limit: shown });
        if (!isNews()) return;
        setWorkflows(page.workflows);
        setUnread(undefined);
      } catch (err) {
        if (isNews()) setUnread(messageOf(err));
      }
    };
    void read();
  }, [session, machine.id, readings]);
  useEffect(reload, [reload]);
  useEffect(() => live.onMachine(machine.id, reload), [live, machine.id, reload]);

  const done = (): void => {
    setProblem(undefined);
    reload();
    onChanged();
  };
  const act = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
      done();
    } catch (err) {
      setProblem(messageOf(err));
    }
  };
  return { workflows, problem: problem ?? unread, act, done };
}

export function WorkflowCard({ machine, onChanged }: CardProps) {
  const { session } = useServices();
  const may = useMay();
  const { workflows, problem, act, done } = useWorkflow({ machine, onChanged });
  const [asking, setAsking] = useState<string | undefined>();
  const [workflow, ...earlier] = workflows;
  const active = workflow !== undefined && isActive(workflow);
  const hasFailed = workflow !== undefined && !active && wordOf(workflow) !== 'success';
  const template = machine.config.os_choice ?? '';
  const controls = may.operate && (
    <span class="controls">
      {hasFailed && (
        <button type="button" onClick={() => setAsking(workflow.spec.templateRef)}>
          Retry…
        </button>
      )}
      {active ? (
        <button
          type="button"
          onClick={() => void act(cancelWorkflow(session, workflow.metadata.name))}
        >
          Cancel
        </button>
      ) : (
        <button type="button" onClick={() => setAsking(template)}>
          Provision…
        </button>
      )}
    </span>
  );
  return (
    <Card title="Provisioning" aside={controls}>
      {problem !== undefined && <Notice kind="error" title={problem} />}
      {active && workflow.held !== undefined && (
        <Held
          reason={workflow.held}
          onRelease={() => void act(releaseWorkflow(session, workflow.metadata.name))}
        />
      )}
      {workflow === undefined ? (
        <p class="quiet">This machine has never been provisioned.</p>
      ) : (
        <Progress workflow={workflow} said={errorOf(machine.status.state)} />
      )}
      {earlier.length > 0 && <Earlier workflows={earlier} />}
      {asking !== undefined && (
        <ProvisionDialog
          machine={machine}
          template={asking}
          onClose={() => setAsking(undefined)}
          onConfirm={async (order) => {
            await createWorkflow(session, machine.id, order);
            setAsking(undefined);
            done();
          }}
        />
      )}
    </Card>
  );
}

function Held({ reason, onRelease }: { reason: string; onRelease: () => void }) {
  const may = useMay();
  return (
    <p class="problem" role="status">
      Held: {reason}. It is not carried out before it is released.{' '}
      {may.operateAll && (
        <button type="button" onClick={onRelease}>
          Release
        </button>
      )}
    </p>
  );
}

/** The workflows before the latest, each with its outcome, its actions and their output. */
function Earlier({ workflows }: { workflows: readonly Workflow[] }) {
  return (
    <div class="earlier">
      <h3>Earlier workflows</h3>
      {workflows.map((workflow) => (
        <details key={workflow.metadata.name}>
          <summary>
            {workflow.spec.templateRef} <WordPill workflow={workflow} />{' '}
            <span class="quiet">{timesOf(workflow)}</span>
          </summary>
          <Progress workflow={workflow} />
        </details>
      ))}
    </div>
  );
}
