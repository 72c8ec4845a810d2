// What a machine's agent is told to do, by its record and its workflow.
import type { Machine } from '../../model/machine.ts';
import { decide, wouldOverwrite, type Decision } from '../rules/decide.ts';
import type { ChangeServices } from './machines.ts';
import { failWorkflow } from './workflows.ts';

/** A workflow that would now overwrite a system nobody knew of is ended instead.
 *  Errors: AppError `store.*`. */
export async function decisionFor(s: ChangeServices, machine: Machine): Promise<Decision> {
  const id = machine.status.current_workflow;
  const workflow = id === null ? undefined : (await s.store.workflows.get(id))?.value;
  if (workflow === undefined || !wouldOverwrite(machine, workflow)) {
    return decide(machine, workflow);
  }
  const os = machine.report?.existing_os?.name ?? 'an operating system';
  await failWorkflow(
    s,
    workflow.metadata.name,
    `${os} was found on the disks: create the workflow with "reimage": true to overwrite it`,
  );
  return { state: 'Error', action: 'wait', workflowId: null };
}
