// The errors for a caller whose machine is, as far as it tells, another one.
import { AppError } from '../../core/errors.ts';
import type { IdentityConflict } from '../../model/history.ts';
import type { Liveness } from '../running/liveness/liveness.ts';

export function inUse(liveness: Liveness, machineId: string): AppError {
  return new AppError(
    'identity.in-use',
    `another live machine is known as ${machineId}; if it was just switched off, the check-in is accepted once its heartbeats are late`,
    {
      details: {
        machine_id: machineId,
        retry_after_seconds: liveness.secondsUntilLate(machineId),
      },
    },
  );
}

/** For a caller at an address that a conflict names. */
export function keptOut(
  liveness: Liveness,
  { id, machine_id, resolution }: IdentityConflict,
  address: string,
): AppError {
  const why =
    resolution === null
      ? `nobody at ${address} is taken for ${machine_id} before the conflict ${id} is decided`
      : `by the decision of the conflict ${id} the machine at ${address} is not ${machine_id}; if it is, reopen and accept that one`;
  return new AppError('identity.in-use', why, {
    details: {
      machine_id,
      conflict_id: id,
      retry_after_seconds: liveness.secondsUntilLate(machine_id),
    },
  });
}
