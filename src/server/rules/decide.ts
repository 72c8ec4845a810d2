// What an agent is told to do: decided here and nowhere else, from the machine's record and its
// workflow. Pure.
import type { Action } from '../../model/api.ts';
import { existingOs, stateName, type Machine, type MachineStateName } from '../../model/machine.ts';
import { isActive, type Workflow } from '../../model/workflow.ts';

export interface Decision {
  /** The state that it was decided in. */
  readonly state: MachineStateName;
  readonly action: Action;
  /** Set with "execute". */
  readonly workflowId: string | null;
}

/** The workflow is the machine's current one, if it has one and it is there. */
export function decide(machine: Machine, workflow: Workflow | undefined): Decision {
  const state = stateName(machine.status.state);
  const wait: Decision = { state, action: 'wait', workflowId: null };
  const local: Decision = existingOs(machine) === null ? wait : { ...wait, action: 'localboot' };
  if (state === 'Offline') return local;
  if (workflow !== undefined && isActive(workflow) && !wouldOverwrite(machine, workflow)) {
    return { state, action: 'execute', workflowId: workflow.metadata.name };
  }
  return state === 'Provisioned' ? local : wait;
}

/** Whether the workflow, not yet begun, would write over an operating system that nobody asked to
 *  replace: it turned up after the workflow was made. */
export function wouldOverwrite(machine: Machine, workflow: Workflow): boolean {
  return (
    workflow.status?.state === 'STATE_PENDING' &&
    workflow.spec.writesDisks === true &&
    workflow.spec.reimage !== true &&
    existingOs(machine) !== null
  );
}
