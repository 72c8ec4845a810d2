// Decides what a machine's agent does and what the machine boots, from its record, its workflow and the
// operators' settings. Ends workflows that must not go on.
import type { Machine } from '../../model/machine.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import { decide, decideBoot, type BootDecision, type Decision } from '../rules/decide.ts';
import { bootAsked } from '../rules/workflow/progress.ts';
import { review } from '../rules/workflow/review.ts';
import { isHeld } from './boot-settings.ts';
import { loadMachine, type ChangeServices } from './machines.ts';
import { changeWorkflow } from './workflows/workflows.ts';

/** The order of an agent that checks in or beats. Ends a workflow that must not go on, first. Errors: AppError `store.*`. */
export async function decisionFor(s: ChangeServices, machine: Machine): Promise<Decision> {
  const now = s.clock.now();
  const workflow = await currentWorkflow(s, machine);
  if (workflow !== undefined && review(machine, workflow, now) !== workflow) {
    await changeWorkflow(s, workflow.metadata.name, (w) => review(machine, w, now));
    return decisionFor(s, (await loadMachine(s, machine.id)).value);
  }
  const decision = decide(machine, workflow, { now, isHeld: false });
  if (decision.action !== 'localboot') return decision;
  return decide(machine, workflow, { now, isHeld: await isHeld(s.store, machine) });
}

/** Decides what a machine boots when it asks for its boot script, and notes that in a workflow that runs. Errors:
 *  AppError `store.*`. */
export async function bootFor(s: ChangeServices, machine: Machine): Promise<BootDecision> {
  const circumstances = { now: s.clock.now(), isHeld: await isHeld(s.store, machine) };
  const workflow = await currentWorkflow(s, machine);
  if (workflow !== undefined && bootAsked(workflow, circumstances.now) !== workflow) {
    await changeWorkflow(s, workflow.metadata.name, (w) => bootAsked(w, circumstances.now));
  }
  return decideBoot(machine, workflow, circumstances);
}

async function currentWorkflow(s: ChangeServices, machine: Machine): Promise<Workflow | undefined> {
  const id = machine.status.current_workflow;
  return id === null ? undefined : (await s.store.workflows.get(id))?.value;
}
