// Provisions a machine: plans a workflow of the template that an operator names, or has assigned, and makes
// it.
import { AppError, httpStatus } from '../../../core/errors.ts';
import type { TemplateTrial } from '../../../model/api/templates.ts';
import type { Machine } from '../../../model/machine.ts';
import type { Template } from '../../../model/documents/template.ts';
import type { Workflow } from '../../../model/documents/workflow.ts';
import type { Versioned } from '../../../store/store.ts';
import type { ImageFolder } from '../../../store/images/folder.ts';
import type { PlanAnswer } from '../../../model/api/workflows.ts';
import { confirmationOf } from '../../rules/workflow/arrival.ts';
import { answerable, failureOf } from '../../rules/failures.ts';
import { fillTemplate } from '../../rules/fill/fill.ts';
import { planDigest, refuseChanged } from '../../rules/plan/digest.ts';
import { planWorkflow } from '../../rules/plan/plan.ts';
import type { ServerSeen } from '../../rules/fill/variables.ts';
import { storedFault, writesDisks } from '../../rules/templates.ts';
import { loadMachine, type ReadServices } from '../machines.ts';
import { plannedImages } from './planned-images.ts';
import { maskedFor } from '../variables.ts';
import { createWorkflow, type WorkflowServices } from './workflows.ts';

export interface Provisioning {
  /** Default: the machine's os_choice. */
  readonly template?: string | undefined;
  /** True if the data on the planned disk may be lost. */
  readonly reimage?: boolean | undefined;
  /** The operator accepts that the machine's agent does not compare its disk with the plan. */
  readonly confirmed?: boolean | undefined;
  /** One that was interrupted is run again by itself. */
  readonly retry?: boolean | undefined;
  /** The digest of the plan that the operator was shown: for any other plan the order is refused. */
  readonly plan_digest?: string | undefined;
}

export interface PlanServices extends ReadServices {
  readonly images: ImageFolder | undefined;
}

/** The template. Errors: AppError `template.unknown`. */
export async function loadTemplate(s: ReadServices, name: string): Promise<Versioned<Template>> {
  const found = await s.store.templates.get(name);
  if (found !== undefined) return found;
  throw new AppError('template.unknown', `there is no template ${name}`, {
    details: { template: name },
  });
}

/** The plan of a workflow that is not made. Errors: AppError
 *  `template.unknown`, `template.invalid`, `machine.unknown`, `plan.*`, `machine.has-os`, `store.*`. */
export async function planFor(
  s: PlanServices,
  machineId: string,
  request: Provisioning,
  server: ServerSeen,
): Promise<PlanAnswer> {
  const { value: machine } = await loadMachine(s, machineId);
  return planForMachine(s, machine, request, server);
}

/** The same for a machine as it would be. Errors: as planFor. */
export async function planForMachine(
  s: PlanServices,
  machine: Machine,
  request: Provisioning,
  server: ServerSeen,
): Promise<PlanAnswer> {
  const { plan } = await draftOf(s, machine, request, server);
  const { plan: made, digest } = plan(machine);
  return { ...made, plan_digest: digest };
}

/** Makes a workflow. Errors: as planFor and createWorkflow. */
export async function provision(
  s: WorkflowServices & PlanServices,
  machineId: string,
  request: Provisioning,
  server: ServerSeen,
): Promise<Workflow> {
  const { value: machine } = await loadMachine(s, machineId);
  return createWorkflow(s, machineId, await draftOf(s, machine, request, server));
}

async function draftOf(
  s: PlanServices,
  machine: Machine,
  { template: named, ...accepted }: Provisioning,
  server: ServerSeen,
) {
  const name = named ?? machine.config.os_choice;
  if (name === null) {
    throw new AppError(
      'template.unknown',
      'no template is assigned to the machine (os_choice): name one, or assign one first',
      { details: { machine_id: machine.id } },
    );
  }
  const { value: template } = await loadTemplate(s, name);
  const fault = storedFault(template);
  if (fault !== undefined) throw fault;
  return draftFrom(s, machine, template, accepted, server);
}

/** The draft of a workflow of a template that may not be stored. */
async function draftFrom(
  s: PlanServices,
  machine: Machine,
  template: Template,
  { plan_digest: expected, ...accepted }: Omit<Provisioning, 'template'>,
  server: ServerSeen,
) {
  const { reimage = false, confirmed = false, retry = false } = accepted;
  const variables = await maskedFor(s.store, server);
  const images = await plannedImages(
    s.images,
    fillTemplate(template, variables(machine)),
    server.url,
  );
  const confirmation = confirmationOf(template, writesDisks(template));
  const plan = (m: Machine) => {
    const filled = fillTemplate(template, variables(m));
    const made = planWorkflow(m, filled, { reimage, confirmed, confirmation, images });
    const consent = { reimage, confirmed, retry };
    const digest = planDigest({
      machine: m,
      plan: made,
      template,
      filled,
      images,
      accepted: consent,
    });
    if (expected !== undefined) refuseChanged(expected, digest, made.disk);
    return { plan: made, digest };
  };
  return { template, reimage, retry, plan };
}

/** Fills in and plans a template that is not stored, where everything is accepted. Errors: `store.*`. */
export async function tryTemplate(
  s: PlanServices,
  template: Template,
  machine: Machine,
  server: ServerSeen,
): Promise<TemplateTrial> {
  const shown = fillTemplate(template, (await maskedFor(s.store, server))(machine));
  try {
    const accepted = { reimage: true, confirmed: true };
    const draft = await draftFrom(s, machine, template, accepted, server);
    return { template: shown, plan: draft.plan(machine).plan };
  } catch (err) {
    const failure = answerable(err);
    if (httpStatus(failure.code) !== 409) throw err;
    return { template: shown, refusal: failureOf(failure) };
  }
}
