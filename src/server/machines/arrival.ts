// Ends workflows whose machine has left the agent: by the report of the installed system, by a check-in that
// shows it, or by time.
import { AppError, isAppError } from '../../core/errors.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import type { Machine } from '../../model/machine.ts';
import { arrive, awaits, hasLeft, pass } from '../rules/workflow/arrival.ts';
import { confirmationFor } from '../rules/workflow/progress.ts';
import { isReportToken } from '../access/report-tokens.ts';
import type { Liveness } from '../running/liveness/liveness.ts';
import type { Stopwatch } from '../running/stopwatch.ts';
import type { ChangeServices } from './machines.ts';
import { changeWorkflow, loadWorkflow } from './workflows/workflows.ts';

/** Takes the report of an installed system. Repeats change nothing.
 *  Errors: AppError `workflow.unknown`, `auth.denied`, `workflow.finished`, `store.*`. */
export async function reportSystem(s: ChangeServices, id: string, token: string): Promise<void> {
  if (!(await isReportToken(s.store, id, token))) {
    throw new AppError('auth.denied', 'the token is not the one for the report of this workflow');
  }
  const { value } = await loadWorkflow(s, id);
  if (!awaits(value)) {
    throw new AppError('workflow.finished', `workflow ${id} is not waiting for a report`);
  }
  await changeWorkflow(s, id, (workflow) => arrive(workflow, s.clock.now()));
}

/** The machine after a check-in, which may be the sign that its workflow waits for: for one that only
 *  rebooted the next boot, for one that installed a system an agent that runs there. Errors: `store.*`. */
export async function noteArrival(
  s: ChangeServices,
  machine: Machine,
  { boot_id: bootId = null, in_image: inImage }: CheckinRequest,
): Promise<Machine> {
  const id = machine.status.current_workflow;
  const workflow = id === null ? undefined : (await s.store.workflows.get(id))?.value;
  if (workflow === undefined || !hasLeft(workflow)) return machine;
  if (bootId === null || bootId === workflow.status?.startedByBoot) return machine;
  const confirmation = confirmationFor(workflow);
  const isSign = confirmation === 'boot' || (confirmation === 'absence' && inImage === false);
  if (!isSign) return machine;
  await changeWorkflow(s, workflow.metadata.name, (w) => arrive(w, s.clock.now()));
  return (await s.store.machines.get(machine.id))?.value ?? machine;
}

export interface WatchServices extends ChangeServices {
  readonly liveness: Liveness;
  readonly stopwatch: Stopwatch;
}

/** Ends running workflows by the time they have run. Errors: `store.*`. */
export async function watchWorkflows(s: WatchServices): Promise<void> {
  const running = new Set<string>();
  for await (const { value: machine } of s.store.machines.allBy('state', 'Provisioning')) {
    const id = machine.status.current_workflow;
    if (id === null) continue;
    running.add(id);
    try {
      await changeWorkflow(s, id, (workflow) => passOn(s, workflow, machine));
    } catch (err) {
      // Neither may keep the others from their end.
      if (!isAppError(err, 'workflow.unknown') && !isAppError(err, 'store.damaged')) throw err;
    }
  }
  s.stopwatch.keep(running);
}

function passOn(s: WatchServices, workflow: Workflow, machine: Machine): Workflow {
  const wasSeen = machine.status.last_seen !== null;
  const where = {
    isHeard: s.liveness.of(machine.id, wasSeen) === 'online',
    sentAt: machine.local_boot?.at ?? null,
    returns: machine.local_boot?.returns ?? 0,
  };
  return pass(workflow, s.stopwatch.read(workflow), where, s.clock.now());
}
