// Creates, advances and ends workflows, with the effects on their machines. A workflow and its machine are
// two records; `settle` makes the second follow the first, and may be repeated.
import { isDeepStrictEqual } from 'node:util';
import { AppError, isAppError } from '../../../core/errors.ts';
import type { WorkflowEvent } from '../../../model/api/agent.ts';
import type { Machine } from '../../../model/machine.ts';
import type { Plan } from '../../../model/documents/plan.ts';
import type { Template } from '../../../model/documents/template.ts';
import { isActive, type Workflow } from '../../../model/documents/workflow.ts';
import { retryOnConflict } from '../../../store/retry.ts';
import type { Versioned } from '../../../store/store.ts';
import { nameOf, type Principal } from '../../access/principal.ts';
import { changeMachine, loadMachine, type ChangeServices, type ReadServices } from '../machines.ts';
import { mayBegin } from '../../rules/decide.ts';
import { settle, withoutOverdue } from '../../rules/workflow/settle.ts';
import { forgiven } from '../../rules/local-boot.ts';
import { nextState } from '../../rules/states.ts';
import { writesDisks } from '../../rules/templates.ts';
import { advance, finish } from '../../rules/workflow/progress.ts';

/** The services that making a workflow needs. */
export interface WorkflowServices extends ChangeServices {
  readonly newId: () => string;
}

/** A workflow that is about to be made. */
export interface Draft {
  readonly template: Template;
  readonly reimage: boolean;
  readonly retry: boolean;
  /** Makes the plan for the machine as it is. Errors: AppError `plan.*`, `machine.has-os`; `plan.changed` where it
   *  is not the one that was shown. */
  readonly plan: (machine: Machine) => { readonly plan: Plan };
}

/** Makes a workflow for a machine and queues it there, with its plan and the template as it is now.
 *  Errors: AppError `plan.*`, `machine.has-os`, `workflow.active`, `machine.wrong-state`,
 *  `machine.unknown`, `request.stale`, `store.*`. */
export async function createWorkflow(
  s: WorkflowServices,
  machineId: string,
  draft: Draft,
): Promise<Workflow> {
  const { template } = draft;
  const { value: planned } = await loadMachine(s, machineId);
  await refuseSecondWorkflow(s, planned);
  const { plan } = draft.plan(planned);
  const workflow = newWorkflow(s, machineId, draft, plan);
  const id = workflow.metadata.name;
  // First the workflow, then who refers to it: a crash between leaves a workflow that nobody runs.
  await s.store.workflows.put(workflow, 'absent');
  try {
    await changeMachine(s, machineId, async (machine) => {
      await refuseSecondWorkflow(s, machine);
      refuseOtherPlan(plan, draft.plan(machine).plan);
      return {
        ...withoutOverdue(forgiven(machine)),
        config: { ...machine.config, os_choice: template.metadata.name },
        status: {
          ...machine.status,
          state: nextState(machine.status.state, 'workflow created'),
          current_workflow: id,
        },
      };
    });
  } catch (err) {
    await s.store.workflows.delete(id);
    throw err;
  }
  return workflow;
}

/** A workflow that the store does not have, as in a record that came from another server, runs nowhere.
 *  Errors: AppError `workflow.active`. */
export async function refuseSecondWorkflow({ store }: ReadServices, machine: Machine) {
  const current = machine.status.current_workflow;
  if (current === null || (await store.workflows.get(current)) === undefined) return;
  throw new AppError(
    'workflow.active',
    `the machine already has workflow ${current}; cancel it first`,
    {
      details: { workflow_id: current },
    },
  );
}

/** The machine may have changed since its plan was made. Errors: AppError `request.stale`. */
function refuseOtherPlan(plan: Plan, now: Plan): void {
  if (isDeepStrictEqual(plan, now)) return;
  throw new AppError(
    'request.stale',
    'the machine changed while its workflow was planned; repeat it',
  );
}

/** The workflow. Errors: AppError `workflow.unknown`. */
export async function loadWorkflow(s: ReadServices, id: string): Promise<Versioned<Workflow>> {
  const found = await s.store.workflows.get(id);
  if (found === undefined) throw unknownWorkflow(id);
  return found;
}

export function unknownWorkflow(id: string): AppError {
  return new AppError('workflow.unknown', `there is no workflow ${id}`, {
    details: { workflow_id: id },
  });
}

/** Applies what an agent reports. A repeated event, one of another boot, and any event of a finished
 *  workflow, changes nothing; a boot that says which one it is hears that it may not begin.
 *  Errors: AppError `workflow.unknown`, `workflow.refused`, `store.*`. */
export async function applyEvent(
  s: ChangeServices,
  id: string,
  event: WorkflowEvent,
): Promise<Workflow> {
  const { value } = await loadWorkflow(s, id);
  const machine = (await s.store.machines.get(value.spec.hardwareRef))?.value;
  const present = machine?.report?.boot_id ?? null;
  const boot = event.boot_id ?? null;
  if (event.type !== 'started' || boot === null) {
    return changeWorkflow(s, id, (workflow) => advance(workflow, event, s.clock.now(), present));
  }
  const now = s.clock.now();
  const isAllowed = (workflow: Workflow): boolean =>
    machine !== undefined && mayBegin(machine, workflow, boot, now);
  const begun = await changeWorkflow(s, id, (workflow) =>
    isAllowed(workflow) ? advance(workflow, event, now, present) : workflow,
  );
  if (isAllowed(begun)) return begun;
  throw new AppError(
    'workflow.refused',
    `workflow ${id} is not run by this boot of its machine: it has ended, is not the machine's next, or another boot began it`,
    { details: { workflow_id: id } },
  );
}

/** `by`: the operator, who is named as the reason; `refuse` throws where that one may not, and is asked anew each time
 *  that somebody else wrote meanwhile. Errors: AppError `workflow.unknown`, `workflow.finished`, `store.*`, those of
 *  `refuse`. */
export function cancelWorkflow(
  s: ChangeServices,
  id: string,
  by: Principal,
  refuse: (workflow: Workflow) => Promise<void>,
): Promise<Workflow> {
  const reason = `cancelled by ${by.kind === 'anyone' ? 'an operator' : nameOf(by)}`;
  return changeWorkflow(s, id, async (workflow) => {
    await refuse(workflow);
    refuseFinished(workflow);
    return finish(workflow, 'STATE_FAILED', s.clock.now(), reason, true);
  });
}

/** Lets a restored workflow go on. Errors: AppError `workflow.unknown`, `workflow.finished`, `store.*`. */
export function releaseWorkflow(s: ChangeServices, id: string): Promise<Workflow> {
  return changeWorkflow(s, id, (workflow) => {
    refuseFinished(workflow);
    const { held, ...released } = workflow;
    return held === undefined ? workflow : released;
  });
}

/** Errors: AppError `workflow.finished`. */
export function refuseFinished(workflow: Workflow): void {
  if (isActive(workflow)) return;
  const { name } = workflow.metadata;
  throw new AppError('workflow.finished', `workflow ${name} is already finished`);
}

/** Changes a workflow, and its machine with it. `change` returns the same one when there is nothing to do.
 *  Errors: AppError `workflow.unknown`, `store.*`, those of `change`. */
export async function changeWorkflow(
  s: ChangeServices,
  id: string,
  change: (workflow: Workflow) => Workflow | Promise<Workflow>,
): Promise<Workflow> {
  const changed = await retryOnConflict(async () => {
    const { value: before, revision } = await loadWorkflow(s, id);
    const after = await change(before);
    if (after !== before) await s.store.workflows.put(after, { revision });
    return after;
  });
  // Also when nothing changed: the server may have died between the two records.
  await settleMachine(s, changed);
  return changed;
}

async function settleMachine(s: ChangeServices, workflow: Workflow): Promise<void> {
  try {
    await changeMachine(s, workflow.spec.hardwareRef, (m) => settle(m, workflow, s.clock.now()));
  } catch (err) {
    // The machine was deleted meanwhile: nothing is left to settle.
    if (!isAppError(err, 'machine.unknown')) throw err;
  }
}

function newWorkflow(
  { newId }: WorkflowServices,
  machineId: string,
  { template, reimage, retry }: Draft,
  plan: Plan,
): Workflow {
  return {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Workflow',
    metadata: { name: newId() },
    spec: {
      hardwareRef: machineId,
      templateRef: template.metadata.name,
      hardwareMap: {},
      reimage,
      ...(retry ? { retry } : {}),
      writesDisks: writesDisks(template),
      plan,
      template,
    },
    status: {
      state: 'STATE_PENDING',
      currentAction: null,
      progress: 0,
      globalTimeout: plan.timeout_seconds,
      startedAt: null,
      completedAt: null,
      error: null,
      actions: template.spec.actions.map(({ action }) => ({
        name: action,
        status: 'STATE_PENDING',
        startedAt: null,
        completedAt: null,
        seconds: null,
        message: null,
      })),
    },
  };
}
