// Machines that operators enter by hand before they boot. The first check-in that shows one is matched with
// it like that of any known machine.
import { AppError } from '../../core/errors.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { Machine } from '../../model/machine.ts';
import type { MachineCreate, MachinePatch } from '../../model/api/machines.ts';
import { retryOnConflict } from '../../store/retry.ts';
import { applyPatch, type PatchServices } from '../machines/machine-changes.ts';
import { newMachine } from '../rules/machine-record.ts';
import { recognise } from './recognition.ts';

export interface ExpectServices extends PatchServices {
  readonly newId: () => string;
}

/** Makes the record of a machine that is expected to boot. Errors: AppError `machine.exists`,
 *  `request.invalid`, `template.unknown`, `secret.no-key`, `store.*`. */
export async function expectMachine(s: ExpectServices, request: MachineCreate): Promise<Machine> {
  const { mac: _mac, identity: _identity, name, ...patch } = request;
  const config: MachinePatch = { ...patch, ...(name === undefined ? {} : { hostname: name }) };
  const checkin = checkinOf(request);
  return retryOnConflict(async () => {
    const recognition = await recognise(s.store, checkin, new Set(), undefined);
    const known = recognition.found?.value.id;
    if (known !== undefined) throw exists(known, recognition.shown.primaryMac);
    const { report: _report, ...made } = newMachine(s.newId(), recognition, s.clock.now());
    const bare: Machine = {
      ...made,
      status: { ...made.status, last_seen: null },
      metadata: { ...made.metadata, source: 'Manual' },
    };
    const machine = await applyPatch(s, bare, config);
    await s.store.machines.put(machine, 'absent', { unlessSeen: recognition.sightings });
    return machine;
  });
}

/** The check-in that such a machine would send. Errors: AppError `request.invalid`. */
function checkinOf({ mac = null, identity = null }: MachineCreate): CheckinRequest {
  if (identity === null && mac !== null) return { mac };
  if (identity === null || mac !== null) {
    throw new AppError('request.invalid', 'body: name the machine by either mac or identity', {
      details: { path: 'mac', part: 'body' },
    });
  }
  const { primary_mac, all_macs = null, ...rest } = identity;
  return { mac: primary_mac, ...rest, ...(all_macs === null ? {} : { all_macs }) };
}

function exists(machineId: string, mac: string): AppError {
  return new AppError('machine.exists', `the machine ${machineId} has ${mac}: change that one`, {
    details: { machine_id: machineId },
  });
}
