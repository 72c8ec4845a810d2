// A machine's states and the transitions between them, as one table.
import { AppError } from '../../core/errors.ts';
import { stateName } from '../../model/machine-state.ts';
import type { MachineState, MachineStateName } from '../../model/machine.ts';

/** The causes that can change a machine's state. */
export const causes = [
  'os assigned',
  'os unassigned',
  'workflow created',
  'workflow started',
  'workflow succeeded',
  'workflow failed',
  'workflow cancelled',
  'system reported late',
  'marked offline',
  'brought back',
] as const;
export type Cause = (typeof causes)[number];

type Row = Readonly<Partial<Record<Cause, MachineStateName>>>;

/** Causes missing from a row are refused. Those of a workflow that has been made are in every row: the record of
 *  another server may be in any state, and its agent must be answered. Offline, an operator's word, stays. A waiting
 *  workflow leaves the state alone, so that cancelling it undoes nothing; a workflow stopped half-way leaves disks that
 *  nobody should trust. */
export const transitions: Readonly<Record<MachineStateName, Row>> = {
  Discovered: {
    'os assigned': 'Ready',
    'os unassigned': 'Discovered',
    'workflow created': 'Ready',
    'workflow started': 'Provisioning',
    'workflow succeeded': 'Provisioned',
    'workflow failed': 'Error',
    'workflow cancelled': 'Discovered',
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
  // An operator's causes are for a record that came from elsewhere, without the workflow that it was in.
  Provisioning: {
    'os assigned': 'Ready',
    'os unassigned': 'Discovered',
    'workflow created': 'Ready',
    'marked offline': 'Offline',
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
    'workflow started': 'Provisioning',
    'workflow succeeded': 'Provisioned',
    'workflow failed': 'Error',
    'workflow cancelled': 'Error',
    'system reported late': 'Provisioned',
    'marked offline': 'Offline',
    'brought back': 'Error',
  },
  Offline: {
    'os assigned': 'Offline',
    'os unassigned': 'Offline',
    'workflow started': 'Offline',
    'workflow succeeded': 'Offline',
    'workflow failed': 'Offline',
    'workflow cancelled': 'Offline',
    'marked offline': 'Offline',
    // Discovered only if nothing more is known: see bringBack.
    'brought back': 'Discovered',
  },
};

/** Returns the state after `cause`. `message` says what went wrong if that is Error.
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
  return from === 'Error' && message === '' ? state : { Error: { message } };
}
