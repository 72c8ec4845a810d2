// The identity conflicts that check-ins and heartbeats raise, each once for as long as it says anything
// new. An operator decides them: see machines/conflicts.ts.
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Doubt } from '../../identity/resolution/resolve.ts';
import type { IdentityConflict } from '../../model/history.ts';
import type { Store, Versioned } from '../../store/store.ts';

/** More conflicts than name a machine; no more are gone through. */
const mostConflicts = 1000;
/** More addresses than a machine's claimants have; a conflict names no more. */
const mostAddresses = 8;

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
  const own = await conflictsOf(s, machineId);
  const isKnown = own.some(({ value }) => value.reason === doubt.reason);
  return isKnown ? undefined : newConflict(s, machineId, doubt);
}

/** Records that two live machines claim one identity, unless such a conflict is open and says so, or an operator has decided
 *  one that names the address. `refused`: the one that was refused, in words; `at`: where that one is, if it is to be refused
 *  there from now on. */
export async function recordTwoLive(
  s: ConflictServices,
  machineId: string,
  refused: string,
  at?: string,
): Promise<void> {
  const evidence = `two machines with this identity were alive at the same time (${refused} was refused)`;
  const added = at === undefined ? [] : [at];
  const from = at === undefined ? {} : { address: at };
  const own = await conflictsOf(s, machineId);
  if (at !== undefined && own.some(({ value }) => keepsOut(value, at))) return;
  const open = own.find(({ value }) => isOpenTwoLive(value));
  if (open === undefined) {
    const candidates = [{ machine_id: machineId, evidence: [evidence] }];
    const conflict = newConflict(s, machineId, { reason: 'indistinguishable', candidates });
    await s.store.conflicts.put({ ...conflict, ...refusing(added) }, 'absent');
    s.log.warn({ machine_id: machineId, ...from }, 'two live machines claim one identity');
    return;
  }
  const { refused_addresses: known = [] } = open.value;
  if (added.length === 0 || known.length >= mostAddresses) return;
  const candidates = open.value.candidates.map((one) => ({
    ...one,
    evidence: [...one.evidence, evidence],
  }));
  const refusal = refusing([...known, ...added]);
  await s.store.conflicts.put({ ...open.value, candidates, ...refusal }, open);
  s.log.warn({ machine_id: machineId, ...from }, 'one more live machine claims the identity');
}

/** The conflict for which nobody at the address is taken for the machine: until an operator has decided it, and for as long
 *  as the decision stands that the one there is another machine. */
export async function conflictAt(
  s: Pick<ConflictServices, 'store'>,
  machineId: string,
  address: string,
): Promise<IdentityConflict | undefined> {
  const own = await conflictsOf(s, machineId);
  return own.find(({ value }) => keepsOut(value, address))?.value;
}

function keepsOut(
  { resolution, refused_addresses: refused = [] }: IdentityConflict,
  at: string,
): boolean {
  const isLetIn = resolution?.decision === 'accepted' && resolution.address === undefined;
  return !isLetIn && refused.includes(at);
}

/** The machine's own: those of others may name it as a candidate. */
async function conflictsOf(
  { store }: Pick<ConflictServices, 'store'>,
  machineId: string,
): Promise<readonly Versioned<IdentityConflict>[]> {
  const { items } = await store.conflicts.listBy('machine', machineId, { limit: mostConflicts });
  return items.filter(({ value }) => value.machine_id === machineId);
}

function isOpenTwoLive({ resolution, reason }: IdentityConflict): boolean {
  return resolution === null && reason === 'indistinguishable';
}

function refusing(addresses: readonly string[]): Pick<IdentityConflict, 'refused_addresses'> {
  return addresses.length === 0 ? {} : { refused_addresses: [...addresses] };
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
