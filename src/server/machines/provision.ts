// Provisions a machine: makes a workflow of the template that an operator names, or has assigned.
import { AppError } from '../../core/errors.ts';
import type { Template } from '../../model/template.ts';
import type { Versioned } from '../../store/store.ts';
import { loadMachine, type ReadServices } from './machines.ts';
import { createWorkflow, type WorkflowServices } from './workflows.ts';

/** The template. Errors: AppError `template.unknown`. */
export async function loadTemplate(s: ReadServices, name: string): Promise<Versioned<Template>> {
  const found = await s.store.templates.get(name);
  if (found !== undefined) return found;
  throw new AppError('template.unknown', `there is no template ${name}`, {
    details: { template: name },
  });
}

/** Makes a workflow of the given template, or of the machine's os_choice.
 *  Errors: as createWorkflow, and AppError `template.unknown`. */
export async function provision(
  s: WorkflowServices,
  machineId: string,
  templateName: string | undefined,
  reimage: boolean,
) {
  const name = templateName ?? (await loadMachine(s, machineId)).value.config.os_choice;
  if (name === null) {
    throw new AppError(
      'template.unknown',
      'the machine has no os_choice: name a template, or assign one first',
      { details: { machine_id: machineId } },
    );
  }
  const { value: template } = await loadTemplate(s, name);
  return createWorkflow(s, machineId, template, reimage);
}
