// Decides what an agent is told to do, from the machine's record and its workflow. No other file decides
// that. Pure.
import type { Action } from '../../model/api.ts';
import { existingOs, stateName, type Machine, type MachineStateName } from '../../model/machine.ts';
import { isActive, type Workflow } from '../../model/workflow.ts';

export interface Decision {
  /** The machine's state at the time. */
  readonly state: MachineStateName;
  readonly action: Action;
  /** Set with "execute". */
  readonly workflowId: string | null;
}

/** `workflow` is the machine's current one, if it has one and the store has it. */
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

/** True if the workflow has not begun and would overwrite an operating system that nobody asked to
 *  replace, because it turned up after the workflow was created. */
export function wouldOverwrite(machine: Machine, workflow: Workflow): boolean {
  return (
    workflow.status?.state === 'STATE_PENDING' &&
    workflow.spec.writesDisks === true &&
    workflow.spec.reimage !== true &&
    existingOs(machine) !== null
  );
}
