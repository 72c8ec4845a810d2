// Makes a machine's record follow its workflow's. Pure.
import type { Workflow } from '../../../model/documents/workflow.ts';
import { stateName } from '../../../model/machine-state.ts';
import type { Machine } from '../../../model/machine.ts';
import { nextState } from '../states.ts';
import { isOverdue } from './arrival.ts';
import { statusOf } from './progress.ts';

/** Applies the state of its current workflow to a machine; returns the same machine if nothing changes. */
export function settle(machine: Machine, workflow: Workflow, now: Date): Machine {
  if (machine.overdue_workflow === workflow.metadata.name) return settleLate(machine, workflow);
  if (machine.status.current_workflow !== workflow.metadata.name) return machine;
  const { status } = machine;
  const { state: progress, error, completedAt, cancelled } = statusOf(workflow);
  if (progress === 'STATE_PENDING') return machine;
  if (progress === 'STATE_RUNNING') {
    const state = nextState(status.state, 'workflow started');
    const isThere = stateName(status.state) === stateName(state);
    return isThere ? machine : { ...machine, status: { ...status, state } };
  }
  const at = completedAt ?? now.toISOString();
  const succeeded = progress === 'STATE_SUCCESS';
  const message = error ?? 'the workflow failed';
  const cause = cancelled === true ? 'workflow cancelled' : 'workflow failed';
  return {
    ...machine,
    ...(isOverdue(workflow) ? { overdue_workflow: workflow.metadata.name } : {}),
    status: {
      ...status,
      state: succeeded
        ? nextState(status.state, 'workflow succeeded')
        : nextState(status.state, cause, message),
      current_workflow: null,
      last_workflow_result: succeeded
        ? { Success: { completed_at: at } }
        : { Failed: { error: message, failed_at: at } },
    },
  };
}

/** A late report. A machine that an operator has decided about meanwhile stays as it is. */
function settleLate(machine: Machine, { status }: Workflow): Machine {
  if (status?.state !== 'STATE_SUCCESS') return machine;
  const completed_at = status.completedAt ?? machine.metadata.updated_at;
  const { state } = machine.status;
  const isError = stateName(state) === 'Error';
  return {
    ...withoutOverdue(machine),
    status: {
      ...machine.status,
      state: isError ? nextState(state, 'system reported late') : state,
      last_workflow_result: { Success: { completed_at } },
    },
  };
}

/** The machine without the mark that its installed system is overdue. */
export function withoutOverdue(machine: Machine): Machine {
  const { overdue_workflow: _overdue, ...rest } = machine;
  return rest;
}
