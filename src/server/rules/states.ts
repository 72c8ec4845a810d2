// The state machine of a machine: one table of what may happen in which state, and where it leads.
import { AppError } from '../../core/errors.ts';
import { stateName, type MachineState, type MachineStateName } from '../../model/machine.ts';

/** What can happen to a machine, as far as its state is concerned. */
export const causes = [
  'os assigned',
  'os unassigned',
  'workflow created',
  'workflow started',
  'workflow succeeded',
  'workflow failed',
  'workflow cancelled',
  'marked offline',
  'brought back',
] as const;
export type Cause = (typeof causes)[number];

type Row = Readonly<Partial<Record<Cause, MachineStateName>>>;

/** What is not in the table is refused. A workflow that waits leaves the state alone, so that
 *  cancelling it needs no undoing; one that is stopped half-way leaves disks nobody should trust. */
export const transitions: Readonly<Record<MachineStateName, Row>> = {
  Discovered: {
    'os assigned': 'Ready',
    'os unassigned': 'Discovered',
    'workflow created': 'Ready',
    'marked offline': 'Offline',
    'brought back': 'Discovered',
  },
  Ready: {
    'os assigned': 'Ready',
    'os unassigned': 'Discovered',
    'workflow created': 'Ready',
    'workflow started': 'Provisioning',
    'workflow succeeded': 'Provisioned',
    'workflow failed': 'Error',
    'workflow cancelled': 'Ready',
    'marked offline': 'Offline',
    'brought back': 'Ready',
  },
  Provisioning: {
    'workflow started': 'Provisioning',
    'workflow succeeded': 'Provisioned',
    'workflow failed': 'Error',
    'workflow cancelled': 'Error',
  },
  Provisioned: {
    'os assigned': 'Provisioned',
    'os unassigned': 'Provisioned',
    'workflow created': 'Provisioned',
    'workflow started': 'Provisioning',
    'workflow succeeded': 'Provisioned',
    'workflow failed': 'Error',
    'workflow cancelled': 'Provisioned',
    'marked offline': 'Offline',
    'brought back': 'Provisioned',
  },
  Error: {
    'os assigned': 'Ready',
    'os unassigned': 'Discovered',
    'workflow created': 'Ready',
    'workflow failed': 'Error',
    'workflow cancelled': 'Error',
    'marked offline': 'Offline',
    'brought back': 'Error',
  },
  Offline: {
    'os assigned': 'Offline',
    'os unassigned': 'Offline',
    'marked offline': 'Offline',
    // Discovered only when nothing more is known: see bringBack.
    'brought back': 'Discovered',
  },
};

/** The state after `cause`. `message` says what went wrong where that is an Error.
 *  Errors: AppError `machine.wrong-state`. */
export function nextState(state: MachineState, cause: Cause, message = ''): MachineState {
  const from = stateName(state);
  const to = transitions[from][cause];
  if (to === undefined) {
    throw new AppError('machine.wrong-state', `a machine that is ${from} cannot be: ${cause}`, {
      details: { state: from, cause },
    });
  }
  if (to !== 'Error') return to;
  return typeof state === 'object' && message === '' ? state : { Error: { message } };
}
