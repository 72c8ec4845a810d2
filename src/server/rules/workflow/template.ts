// The template that a workflow is carried out by: the copy that it keeps, whatever became of the stored one. Pure.
import type { Machine } from '../../../model/machine.ts';
import type { Plan } from '../../../model/documents/plan.ts';
import type { Template, TemplateAction } from '../../../model/documents/template.ts';
import type { Workflow } from '../../../model/documents/workflow.ts';
import { asPlanned } from '../plan/disk.ts';

/** As the machine's agent is to read it; undefined for a workflow of version 0.1.0, which keeps none. */
export function templateOfWorkflow(machine: Machine, { spec }: Workflow): Template | undefined {
  const { template, plan } = spec;
  if (template === undefined) return undefined;
  // The agent may be another one than when the plan was made.
  const isCompared = plan?.enforced === true && (machine.report?.boot_id ?? null) !== null;
  return plan === undefined || isCompared ? template : withDisk(template, machine, plan);
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
