// The sender of a machine's check-ins, where it has no token. Its later calls carry no MAC, so they count as the machine's
// when they come from the address of its last check-in. The record says so: a server that was started anew, and every other
// server of the store, knows as much as the one that was asked. Pure.
import type { CheckinRequest } from '../../../model/api/agent.ts';
import type { Workflow } from '../../../model/documents/workflow.ts';
import type { AgentReport, Machine } from '../../../model/machine.ts';

type Sender = Pick<AgentReport, 'from_address' | 'doubted_workflow'>;

/** The sender after a check-in. `from`: its address, if it came without a token. */
export function senderOf(
  before: Machine | undefined,
  request: CheckinRequest,
  from: string | null,
): Sender {
  return {
    ...(from === null ? {} : { from_address: from }),
    ...doubtOf(before, request, from),
  };
}

/** The machine after a check-in that was refused. One from its own address that shows other disks casts doubt on it: two
 *  machines may have that address. */
export function afterRefusal(machine: Machine, request: CheckinRequest, from: string): Machine {
  const { report } = machine;
  if (report?.from_address !== from) return machine;
  const { doubted_workflow: doubted } = doubtOf(machine, request, from);
  if (doubted === undefined || doubted === report.doubted_workflow) return machine;
  return { ...machine, report: { ...report, doubted_workflow: doubted } };
}

/** True if a caller without a token at this address may see the workflow of the machine, with its secrets. */
export function mayWork(machine: Machine, address: string): boolean {
  return isStock(machine) && machine.report?.from_address === address && !isDoubted(machine);
}

/** True if a caller without a token at this address may report the workflow of the machine. An agent that runs one does not
 *  check in, so a record from before a server noted addresses gets none until the workflow ends: until then the workflow's
 *  id, which nobody else was told, is its proof. */
export function mayReport(machine: Machine, workflow: Workflow, address: string): boolean {
  if (mayWork(machine, address)) return true;
  const isRunning = workflow.status?.state === 'STATE_RUNNING';
  return isRunning && isOfOlderServer(machine) && !isDoubted(machine);
}

/** True if the last check-in was a stock agent's, and no server noted its address: one of version 0.1.0 took it, or one that
 *  had no tokens then. */
export function isOfOlderServer(machine: Machine): boolean {
  const { report, token_sha256: tokens = [] } = machine;
  const isNoted = report === undefined || report.from_address !== undefined;
  return !isNoted && isStock(machine) && tokens.length === 0;
}

function isStock({ report }: Machine): boolean {
  return (report?.boot_id ?? null) === null;
}

function isDoubted({ report, status }: Machine): boolean {
  const { doubted_workflow: doubted } = report ?? {};
  return doubted !== undefined && doubted === status.current_workflow;
}

/** By the next check-in the record has the disks that were shown now, so a doubt lasts as long as the workflow. */
function doubtOf(
  before: Machine | undefined,
  request: CheckinRequest,
  from: string | null,
): Pick<Sender, 'doubted_workflow'> {
  const workflow = before?.status.current_workflow ?? null;
  if (before === undefined || workflow === null) return {};
  const isNow = from !== null && !showsDisksOf(before, request);
  return isNow || isDoubted(before) ? { doubted_workflow: workflow } : {};
}

/** True if a check-in shows every disk of the record, by size and model: it has no serial numbers. It may list
 *  more, such as each path of a disk. */
function showsDisksOf({ hardware }: Machine, { disks = [] }: CheckinRequest): boolean {
  return hardware.disks.every(({ size_bytes, model }) =>
    disks.some(
      (disk) =>
        String(disk.size_bytes) === String(size_bytes) &&
        (model === null || (disk.model ?? model) === model),
    ),
  );
}
