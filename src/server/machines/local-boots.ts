// Keeps count of machines that are sent to their own disk and come back from the network at once.
import { isDeepStrictEqual } from 'node:util';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { LocalBoot, Machine } from '../../model/machine.ts';
import { cameBack, forgiven, sentToDisk } from '../rules/local-boot.ts';
import { changeMachine, type ChangeServices } from './machines.ts';

/** The machine after a check-in, which may be a return, or the sign of life of its installed system.
 *  Errors: AppError `store.*`. */
export function noteCheckin(
  s: ChangeServices,
  machine: Machine,
  { boot_id: bootId = null, existing_os, in_image: inImage }: CheckinRequest,
): Promise<Machine> {
  if (machine.local_boot === undefined) return Promise.resolve(machine);
  // An older agent that does not look for systems runs on one. A stock agent repeats itself every 30 s.
  const seemsInstalled = existing_os === undefined && bootId !== machine.local_boot.boot_id;
  const isInstalled = inImage === undefined ? seemsInstalled : !inImage;
  if (isInstalled) return changeMachine(s, machine.id, forgiven);
  if (bootId === null) return Promise.resolve(machine);
  return count(s, machine, (before) => cameBack(before, bootId, s.clock.now()));
}

/** The machine after it asked for its boot script. Errors: AppError `store.*`. */
export function noteBoot(s: ChangeServices, machine: Machine): Promise<Machine> {
  return count(s, machine, (before) => cameBack(before, null, s.clock.now()));
}

/** The machine is sent to its disk, by its boot script (`bootId` null) or by the answer to a check-in.
 *  Errors: AppError `store.*`. */
export async function noteSentToDisk(
  s: ChangeServices,
  machine: Machine,
  bootId: string | null,
): Promise<void> {
  const isRepeat = bootId !== null && machine.local_boot?.boot_id === bootId;
  if (isRepeat && machine.local_boot?.returns === 0) return;
  await count(s, machine, (before) => sentToDisk(before, bootId, s.clock.now()));
}

async function count(
  s: ChangeServices,
  machine: Machine,
  next: (before: LocalBoot | undefined) => LocalBoot | undefined,
): Promise<Machine> {
  if (isDeepStrictEqual(next(machine.local_boot), machine.local_boot)) return machine;
  return changeMachine(s, machine.id, (m) => {
    const local_boot = next(m.local_boot);
    return local_boot === undefined ? forgiven(m) : { ...m, local_boot };
  });
}
