// Looks at a workflow when its machine is heard: ends one that must not go on, and makes one that says so wait to
// be run again. Pure.
import { isActive, type Workflow, type WorkflowAction } from '../../../model/documents/workflow.ts';
import { existingOs, type Machine } from '../../../model/machine.ts';
import { isInterrupted, unplannedLoss } from '../decide.ts';
import { asPlanned } from '../plan/disk.ts';
import { finish, statusOf } from './progress.ts';

/** A workflow is begun no more often than this, whatever it says. */
const mostAttempts = 3;

/** The workflow as it stands for its machine, as that is known now; the same object where it may go on. */
export function review(machine: Machine, workflow: Workflow, now: Date): Workflow {
  if (!isActive(workflow)) return workflow;
  if (isInterrupted(machine, workflow, now) && mayRunAgain(machine, workflow)) {
    return again(workflow);
  }
  const reason = reasonToEnd(machine, workflow, now);
  return reason === undefined ? workflow : finish(workflow, 'STATE_FAILED', now, reason);
}

/** True if an interrupted workflow says that it may be run again by itself. A system on the machine's disks
 *  may be the one that it installed, and be in use since. */
function mayRunAgain(machine: Machine, { spec, status }: Workflow): boolean {
  const attempts = (status?.attempts ?? 0) + 1;
  return spec.retry === true && attempts < mostAttempts && existingOs(machine) === null;
}

function again(workflow: Workflow): Workflow {
  const {
    startedByBoot: _ended,
    lastEventAt: _last,
    bootAskedAt: _asked,
    ...status
  } = statusOf(workflow);
  const actions = (status.actions ?? []).map(({ name }): WorkflowAction => ({
    name,
    status: 'STATE_PENDING',
    startedAt: null,
    completedAt: null,
    seconds: null,
    message: null,
  }));
  const attempts = (status.attempts ?? 0) + 1;
  const waiting = { state: 'STATE_PENDING', currentAction: null, progress: 0 } as const;
  return { ...workflow, status: { ...status, ...waiting, attempts, actions } };
}

function reasonToEnd(machine: Machine, workflow: Workflow, now: Date): string | undefined {
  const loss = unplannedLoss(machine, workflow);
  if (loss !== undefined) {
    return `${loss} was found on the disks: order the workflow again, with consent to overwrite it`;
  }
  if (isUnplanned(machine, workflow)) {
    return 'the machine has several disks, and runs an agent that does not compare its disk with the plan: plan it again';
  }
  if (isOfEarlierBoot(machine, workflow)) {
    return 'another disk looks like the planned one, and the machine was started anew since: plan it again while the machine runs';
  }
  if (isDiskGone(machine, workflow)) {
    return 'the planned disk is not there any more, or cannot be told from another one: plan it again';
  }
  if (!isInterrupted(machine, workflow, now)) return undefined;
  const action = workflow.status?.currentAction ?? undefined;
  const during = action === undefined ? '' : ` during ${action}`;
  return `interrupted${during}: the machine started anew before the workflow had ended; run it again`;
}

/** True for a workflow that waits, on a machine of several disks whose agent knows no plan, if it was planned for an
 *  agent that does or before any disk was known: nobody has accepted that the agent takes the one that it finds first. */
function isUnplanned({ report, hardware }: Machine, { spec, status }: Workflow): boolean {
  const isStock = (report?.boot_id ?? null) === null;
  const waits = status?.state === 'STATE_PENDING' && spec.writesDisks === true;
  const isAccepted = spec.plan === undefined || (!spec.plan.enforced && spec.plan.disk !== null);
  return waits && isStock && !isAccepted && hardware.disks.length > 1;
}

/** True for a workflow that waits, whose disk had nothing but its name in an earlier boot to tell it from another one.
 *  An agent of version 0.1.0 goes by that name in any boot. */
function isOfEarlierBoot({ report }: Machine, workflow: Workflow): boolean {
  const bootId = report?.boot_id ?? null;
  const planned = workflow.spec.plan?.disk?.boot_id ?? null;
  const isOther = bootId !== null && planned !== null && planned !== bootId;
  return isOther && statusOf(workflow).state === 'STATE_PENDING';
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
