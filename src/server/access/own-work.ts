// An agent sees and reports its own machine's work alone.
import { AppError } from '../../core/errors.ts';
import type { Workflow } from '../../model/documents/workflow.ts';
import { tokenHolder, type Machine } from '../../model/machine.ts';
import { mayReport, mayWork } from '../rules/record/sender.ts';
import { refuseOtherMachine, type Principal } from './principal.ts';

/** Refuses an agent that speaks of another machine's work than its own. `reported`: the workflow, where it tells and asks
 *  nothing. Errors: AppError `auth.denied`. */
export function refuseOtherWorker(by: Principal, machine: Machine, reported?: Workflow): void {
  refuseOtherMachine(by, machine.id);
  if (machine.report?.shows_less === true) {
    throw new AppError(
      'auth.denied',
      'the last check-in showed less of the machine than its record knows, which is no proof: check in with board, disks or all ports',
    );
  }
  if (by.kind === 'machine' && isOfAnother(machine, by.tokenId)) {
    throw new AppError(
      'auth.denied',
      'since this token was given, an agent without one has checked in as the machine: check in again',
    );
  }
  if (by.kind !== 'stock' || mayWork(machine, by.address)) return;
  if (reported === undefined || !mayReport(machine, reported, by.address)) {
    throw new AppError(
      'auth.denied',
      'without a token an agent gets the work of its own machine alone, from the address of a check-in that showed the disks of the record',
    );
  }
}

/** True if the machine was heard without a token after this one was given, which it never proved to hold. */
function isOfAnother(machine: Machine, token: string): boolean {
  return machine.report?.from_address !== undefined && tokenHolder(machine) !== token;
}
