// The error for a caller whose machine is, as far as it tells, another one that is alive.
import { AppError } from '../../core/errors.ts';
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
