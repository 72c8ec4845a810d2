// Decides what a machine's agent does and what the machine boots, from its record, its workflow and the
// operators' settings. Ends workflows that must not go on.
import type { Machine } from '../../model/machine.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import {
  decide,
  decideBoot,
  isInterrupted,
  unplannedLoss,
  type BootDecision,
  type Decision,
} from '../rules/decide.ts';
import { asPlanned } from '../rules/plan/disk.ts';
import { isHeld } from './boot-settings.ts';
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
    const bootId = machine.report?.boot_id ?? null;
    return { state: 'Error', action: 'wait', workflowId: null, bootId };
  }
  const decision = decide(machine, workflow, { now, isHeld: false });
  if (decision.action !== 'localboot') return decision;
  return decide(machine, workflow, { now, isHeld: await isHeld(s.store, machine) });
}

/** Decides what a machine boots when it asks for its boot script. Errors: AppError `store.*`. */
export async function bootFor(s: ChangeServices, machine: Machine): Promise<BootDecision> {
  const circumstances = { now: s.clock.now(), isHeld: await isHeld(s.store, machine) };
  return decideBoot(machine, await currentWorkflow(s, machine), circumstances);
}

async function currentWorkflow(s: ChangeServices, machine: Machine): Promise<Workflow | undefined> {
  const id = machine.status.current_workflow;
  return id === null ? undefined : (await s.store.workflows.get(id))?.value;
}

function reasonToEnd(machine: Machine, workflow: Workflow, now: Date): string | undefined {
  const loss = unplannedLoss(machine, workflow);
  if (loss !== undefined) {
    return `${loss} was found on the disks: create the workflow with "reimage": true to overwrite it`;
  }
  if (isUnplanned(machine, workflow)) {
    return 'the machine now runs an agent that does not compare its disk with the plan: plan it again';
  }
  if (isDiskGone(machine, workflow)) {
    return 'the planned disk is not there any more, or cannot be told from another one: plan it again';
  }
  if (!isInterrupted(machine, workflow, now)) return undefined;
  const action = workflow.status?.currentAction ?? undefined;
  const during = action === undefined ? '' : ` during ${action}`;
  return `interrupted${during}: the machine started anew before the workflow had ended; run it again`;
}

/** True for a workflow that waits, planned for an agent that knows plans, on a machine of several disks that
 *  came back with one that knows none. */
function isUnplanned({ report, hardware }: Machine, { spec, status }: Workflow): boolean {
  const isStock = (report?.boot_id ?? null) === null;
  const waits = status?.state === 'STATE_PENDING' && spec.writesDisks === true;
  return waits && isStock && spec.plan?.enforced === true && hardware.disks.length > 1;
}

/** True for a workflow that waits for an agent which knows no plan, when the planned disk cannot be named to
 *  it: it is gone, or another one looks the same and has its name. */
function isDiskGone({ report, hardware }: Machine, { spec, status }: Workflow): boolean {
  const { plan, writesDisks } = spec;
  const isStock = (report?.boot_id ?? null) === null;
  const waits = status?.state === 'STATE_PENDING' && writesDisks === true;
  if (!waits || !isStock || !plan?.disk || hardware.disks.length === 0) return false;
  return asPlanned(plan.disk, hardware.disks).length !== 1;
}
