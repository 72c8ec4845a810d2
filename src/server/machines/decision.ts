// Decides what a machine's agent does and what the machine boots, from its record, its workflow and the
// operators' settings. Ends workflows that must not go on.
import { existingOs, type Machine } from '../../model/machine.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import {
  decide,
  decideBoot,
  isInterrupted,
  wouldOverwrite,
  type BootDecision,
  type Decision,
} from '../rules/decide.ts';
import { isHeld } from './hold.ts';
import type { ChangeServices } from './machines.ts';
import { failWorkflow } from './workflows.ts';

/** The order of an agent that checks in or beats. Ends a workflow that would now overwrite a system nobody
 *  knew of, and one that an earlier boot began. Errors: AppError `store.*`. */
export async function decisionFor(s: ChangeServices, machine: Machine): Promise<Decision> {
  const now = s.clock.now();
  const workflow = await currentWorkflow(s, machine);
  const reason = workflow && reasonToEnd(machine, workflow, now);
  if (workflow !== undefined && reason !== undefined) {
    await failWorkflow(s, workflow.metadata.name, reason);
    return { state: 'Error', action: 'wait', workflowId: null };
  }
  const decision = decide(machine, workflow, { now, isHeld: false });
  if (decision.action !== 'localboot') return decision;
  return decide(machine, workflow, { now, isHeld: await isHeld(s.store, machine) });
}

/** What a machine boots that asks for its boot script. Errors: AppError `store.*`. */
export async function bootFor(s: ChangeServices, machine: Machine): Promise<BootDecision> {
  const circumstances = { now: s.clock.now(), isHeld: await isHeld(s.store, machine) };
  return decideBoot(machine, await currentWorkflow(s, machine), circumstances);
}

async function currentWorkflow(s: ChangeServices, machine: Machine): Promise<Workflow | undefined> {
  const id = machine.status.current_workflow;
  return id === null ? undefined : (await s.store.workflows.get(id))?.value;
}

function reasonToEnd(machine: Machine, workflow: Workflow, now: Date): string | undefined {
  if (wouldOverwrite(machine, workflow)) {
    const os = existingOs(machine)?.name ?? 'an operating system';
    return `${os} was found on the disks: create the workflow with "reimage": true to overwrite it`;
  }
  if (!isInterrupted(machine, workflow, now)) return undefined;
  const action = workflow.status?.currentAction ?? undefined;
  const during = action === undefined ? '' : ` during ${action}`;
  return `interrupted${during}: the machine started anew before the workflow had ended; run it again`;
}
