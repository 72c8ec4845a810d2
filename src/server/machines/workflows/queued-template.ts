// The template of a machine's active workflow, as it was when the workflow was made.
import type { Machine } from '../../../model/machine.ts';
import type { Template } from '../../../model/documents/template.ts';
import { isActive, type Workflow } from '../../../model/documents/workflow.ts';
import { templateOfWorkflow } from '../../rules/workflow/template.ts';
import type { ReadServices } from '../machines.ts';

/** The copy that the machine's active workflow keeps, whatever became of the stored template; undefined
 *  where that workflow is of another one, or of version 0.1.0. Errors: AppError `store.*`. */
export async function queuedTemplate(
  s: ReadServices,
  machine: Machine,
  name: string,
): Promise<Template | undefined> {
  const workflow = await activeWorkflow(s, machine, name);
  return workflow && templateOfWorkflow(machine, workflow);
}

/** The template that the machine's active workflow is made of, if that is the one of this name. A workflow of
 *  version 0.1.0 keeps none: for it, the stored one. Errors: AppError `store.*`. */
export async function templateOfWork(
  s: ReadServices,
  machine: Machine,
  name: string,
): Promise<Template | undefined> {
  if ((await activeWorkflow(s, machine, name)) === undefined) return undefined;
  return (await queuedTemplate(s, machine, name)) ?? (await s.store.templates.get(name))?.value;
}

/** The machine's active workflow, if it is of the template of this name. */
async function activeWorkflow(
  s: ReadServices,
  machine: Machine,
  name: string,
): Promise<Workflow | undefined> {
  const id = machine.status.current_workflow;
  const workflow = id === null ? undefined : (await s.store.workflows.get(id))?.value;
  const isIts = workflow?.spec.templateRef === name && isActive(workflow);
  return isIts ? workflow : undefined;
}
