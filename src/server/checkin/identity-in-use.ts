// One identity, one live machine: how a reboot is told from a second machine that claims the same
// identity. Whoever is alive keeps it; the other one is refused and an operator sees a conflict.
import { AppError } from '../../core/errors.ts';
import type { CheckinRequest } from '../../model/api.ts';
import type { IdentityConflict } from '../../model/history.ts';
import type { Presence } from '../running/liveness.ts';
import type { Services } from '../services.ts';

/** How far apart the server's and a machine's idea of "before" may be: transit, rounding. */
const slackMs = 2000;

/** Refuses a check-in as a machine of which another boot is beating, unless it is a reboot: its kernel
 *  started after the other boot's last heartbeat. Errors: AppError `identity.in-use`. */
export async function refuseSecondMachine(
  s: Services,
  machineId: string,
  request: CheckinRequest,
): Promise<void> {
  const presence = s.liveness.get(machineId);
  const bootId = request.boot_id ?? undefined;
  if (presence === undefined || presence.bootId === bootId || !s.liveness.isBeating(machineId)) {
    return;
  }
  if (typeof request.uptime_seconds === 'number') {
    const startedMs = s.clock.elapsedMs() - request.uptime_seconds * 1000;
    if (startedMs + slackMs > presence.seenMs) return;
    // Both were running at the same time: certain, so it is put on record.
    await recordTwoLive(s, machineId, bootId);
  }
  throw inUse(s, presence);
}

/** Whether a machine that only evidence points at (its SMBIOS UUID, one of its ports) is another one than
 *  that which checks in: it was heard after that one's kernel started. Where it was heard before that, and
 *  is not late yet, both can be true: a port was replaced, or a virtual machine copied.
 *  Errors: AppError `identity.in-use` then, to ask again when it is late or has been heard. */
export function isAliveElsewhere(s: Services, machineId: string, request: CheckinRequest): boolean {
  const presence = s.liveness.get(machineId);
  const bootId = request.boot_id ?? undefined;
  const uptimeSeconds = request.uptime_seconds;
  // Agents that tell neither cannot be told apart.
  if (bootId === undefined || typeof uptimeSeconds !== 'number') return false;
  if (presence === undefined || presence.bootId === bootId) return false;
  if (s.liveness.of(machineId, null) !== 'online') return false;
  const startedMs = s.clock.elapsedMs() - uptimeSeconds * 1000;
  if (startedMs + slackMs <= presence.seenMs) return true;
  throw inUse(s, presence);
}

/** Refuses a heartbeat of a boot that does not speak for the machine. The one before it, when it
 *  beats again, was no earlier boot but another machine, and gets its identity back.
 *  Errors: AppError `identity.in-use`. */
export async function refuseOtherBoot(
  s: Services,
  presence: Presence,
  bootId: string | undefined,
): Promise<void> {
  if (bootId !== undefined && presence.previousBootId === bootId) {
    presence.previousBootId = undefined;
    await recordTwoLive(s, presence.machineId, presence.bootId);
    return;
  }
  if (s.liveness.isBeating(presence.machineId)) throw inUse(s, presence);
}

function inUse(s: Services, presence: Presence): AppError {
  return new AppError(
    'identity.in-use',
    `another live machine is ${presence.machineId}; if it was switched off just now, this is accepted once it is late`,
    {
      details: {
        machine_id: presence.machineId,
        retry_after_seconds: s.liveness.secondsUntilLate(presence),
      },
    },
  );
}

/** Records the conflict, once for as long as it is open. */
async function recordTwoLive(
  s: Services,
  machineId: string,
  bootId: string | undefined,
): Promise<void> {
  const known = await s.store.conflicts.listBy('machine', machineId, { limit: 100 });
  const isKnown = known.items.some(
    ({ value }) => value.resolution === null && value.reason === 'indistinguishable',
  );
  if (isKnown) return;
  const conflict: IdentityConflict = {
    id: s.newId(),
    machine_id: machineId,
    reason: 'indistinguishable',
    candidates: [
      {
        machine_id: machineId,
        evidence: [
          `two machines with this identity were alive at the same time (boot ${bootId ?? 'not stated'} was refused)`,
        ],
      },
    ],
    created_at: s.clock.now().toISOString(),
    resolution: null,
  };
  await s.store.conflicts.put(conflict, 'absent');
  s.log.warn({ machine_id: machineId }, 'two live machines claim one identity');
}
