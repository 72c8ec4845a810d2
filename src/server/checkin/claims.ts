// One identity, one live machine: tells a reboot from a second machine that claims the same identity.
// Whoever is alive keeps it; the other one is refused, and an operator sees a conflict.
import { AppError } from '../../core/errors.ts';
import type { MatchedBy } from '../../model/history.ts';
import type { Machine } from '../../model/machine.ts';
import { isHolder, type Principal } from '../access/auth.ts';
import type { Liveness } from '../running/liveness.ts';
import type { Boot } from '../running/presence.ts';
import { recordTwoLive, type ConflictServices } from './conflicts.ts';

export interface ClaimServices extends ConflictServices {
  readonly liveness: Liveness;
}

/** Refuses a machine's own token that comes with the check-in of another machine, known (`machineId`) or new:
 *  it registers nobody else. Errors: AppError `auth.denied`. */
export function refuseForeignToken(
  { log }: ClaimServices,
  caller: Principal,
  machineId: string | undefined,
): void {
  if (caller.kind !== 'machine' || caller.machineId === machineId) return;
  const own = caller.machineId;
  log.warn({ machine_id: own, as: machineId ?? null }, 'another machine checked in with its token');
  throw new AppError(
    'auth.denied',
    `this is not the machine ${own} that the token belongs to: check in with an enrolment token`,
  );
}

/** Whether a check-in from `boot` may speak for the machine it was matched with. False: that is another
 *  machine. The last boot heard as that machine decides:
 *
 *      last boot                            by hash or primary MAC    by other evidence
 *      the caller's, or silent until late   yes                       yes
 *      silent since the caller's started    yes, a reboot             not yet
 *      heard while the caller's ran         never: a conflict         no
 *      the caller does not say              not yet                   yes
 *
 *  A caller with the token that the machine proved to hold may, whoever was heard.
 *
 *  A last boot that only checked in contests neither hash nor primary MAC. "Not yet" is to ask again
 *  when the machine is late, or was heard: until then a replaced port and a copied virtual machine look
 *  alike. Errors: AppError `identity.in-use` for "not yet" and "never"; `store.*`. */
export async function mayClaim(
  s: ClaimServices,
  machine: Machine,
  matchedBy: MatchedBy,
  boot: Boot,
  caller: Principal,
): Promise<boolean> {
  const { id: machineId } = machine;
  const isByEvidence = matchedBy === 'evidence';
  const claim = s.liveness.claims(machineId, boot, isByEvidence ? 'heard' : 'beating');
  if (claim === 'unopposed' || claim === 'same boot' || isHolder(caller, machine)) return true;
  if (isByEvidence) {
    if (claim === 'reboot') throw inUse(s.liveness, machineId);
    return claim === 'unknown';
  }
  if (claim === 'reboot') return true;
  if (claim === 'second machine') await recordTwoLive(s, machineId, boot.boot_id);
  throw inUse(s.liveness, machineId);
}

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
