// The template of a machine's active workflow, as it was when the workflow was made.
import type { Machine } from '../../model/machine.ts';
import type { Plan } from '../../model/documents/plan.ts';
import type { Template, TemplateAction } from '../../model/documents/template.ts';
import { isActive, type Workflow } from '../../model/documents/workflow.ts';
import { asPlanned } from '../rules/plan/disk.ts';
import type { ReadServices } from './machines.ts';

/** The copy that the machine's active workflow keeps, whatever became of the stored template; undefined
 *  where that workflow is of another one, or of version 0.1.0. Errors: AppError `store.*`. */
export async function queuedTemplate(
  s: ReadServices,
  machine: Machine,
  name: string,
): Promise<Template | undefined> {
  const workflow = await activeWorkflow(s, machine, name);
  if (workflow === undefined) return undefined;
  const { template, plan } = workflow.spec;
  if (template === undefined) return undefined;
  // The agent may be another one than when the plan was made.
  const isCompared = plan?.enforced === true && (machine.report?.boot_id ?? null) !== null;
  return plan === undefined || isCompared ? template : withDisk(template, machine, plan);
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

/** An agent that knows no plan is told the planned device in place of "auto" and of hints. */
function withDisk(template: Template, { hardware }: Machine, plan: Plan): Template {
  if (plan.disk === null) return template;
  // The kernel may call it by another name by now.
  const [disk = plan.disk] = asPlanned(plan.disk, hardware.disks);
  const actions = template.spec.actions.map((action): TemplateAction =>
    takesDisk(action) ? { ...action, disk: disk.device } : action,
  );
  return { ...template, spec: { ...template.spec, actions } };
}

type WithDisk = Extract<TemplateAction, { disk?: string }>;

function takesDisk(action: TemplateAction): action is WithDisk {
  return ['image2disk', 'partition', 'debootstrap', 'chroot'].includes(action.action);
}
