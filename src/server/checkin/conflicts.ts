// The identity conflicts that check-ins and heartbeats raise, each once for as long as it says anything
// new. An operator decides them: see machines/conflicts.ts.
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Doubt } from '../../identity/resolution/resolve.ts';
import type { IdentityConflict } from '../../model/history.ts';
import type { Store } from '../../store/store.ts';

export interface ConflictServices {
  readonly store: Store;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
}

/** The conflict that a doubt raises, to be written with its machine; undefined where an operator has
 *  been told already. */
export async function conflictOf(
  s: ConflictServices,
  machineId: string,
  doubt: Doubt,
): Promise<IdentityConflict | undefined> {
  const { items } = await s.store.conflicts.listBy('machine', machineId);
  const isKnown = items.some(
    ({ value }) => value.machine_id === machineId && value.reason === doubt.reason,
  );
  return isKnown ? undefined : newConflict(s, machineId, doubt);
}

/** Records that two live machines claim one identity, unless such a conflict is open. `refused`: the one that
 *  was refused, in words. */
export async function recordTwoLive(
  s: ConflictServices,
  machineId: string,
  refused: string,
): Promise<void> {
  const { items } = await s.store.conflicts.listBy('machine', machineId, { limit: 100 });
  const isOpen = items.some(
    ({ value }) => value.resolution === null && value.reason === 'indistinguishable',
  );
  if (isOpen) return;
  const evidence = `two machines with this identity were alive at the same time (${refused} was refused)`;
  const conflict = newConflict(s, machineId, {
    reason: 'indistinguishable',
    candidates: [{ machine_id: machineId, evidence: [evidence] }],
  });
  await s.store.conflicts.put(conflict, 'absent');
  s.log.warn({ machine_id: machineId }, 'two live machines claim one identity');
}

function newConflict(
  s: ConflictServices,
  machineId: string,
  { reason, candidates }: Doubt,
): IdentityConflict {
  return {
    id: s.newId(),
    machine_id: machineId,
    reason,
    candidates: [...candidates],
    created_at: s.clock.now().toISOString(),
    resolution: null,
  };
}
