// Machine records as the server reads, shows and changes them.
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { Lanes } from '../../core/lanes.ts';
import type { MachineView } from '../../model/api/machines.ts';
import type { Machine } from '../../model/machine.ts';
import { retryOnConflict } from '../../store/retry.ts';
import type { Store, Versioned } from '../../store/store.ts';
import { actor } from '../running/actor.ts';
import type { Liveness } from '../running/liveness/liveness.ts';
import { etag, refuseStale } from '../rules/etag.ts';
import { historyOf } from '../rules/history.ts';
import { keepsComingBack } from '../rules/local-boot.ts';

/** The services that reading documents needs. */
export interface ReadServices {
  readonly store: Store;
}

/** The services that changing them needs. */
export interface ChangeServices extends ReadServices {
  readonly clock: Clock;
}

/** The machine. Errors: AppError `machine.unknown`. */
export async function loadMachine(s: ReadServices, id: string): Promise<Versioned<Machine>> {
  const found = await s.store.machines.get(id);
  if (found === undefined) throw unknownMachine(id);
  return found;
}

function unknownMachine(id: string): AppError {
  return new AppError('machine.unknown', `there is no machine ${id}`, {
    details: { machine_id: id },
  });
}

/** Reads, changes and writes a machine, again when somebody else wrote in between. `change` returns the
 *  new record, or the same one when there is nothing to do. `ifMatch` is the caller's ETag, if it
 *  insists on one. Errors: AppError `machine.unknown`, `request.stale`, `store.*`, those of `change`. */
export async function changeMachine(
  s: ChangeServices,
  id: string,
  change: (machine: Machine) => Machine | Promise<Machine>,
  ifMatch?: string,
): Promise<Machine> {
  const attempt = async (): Promise<Machine> => {
    const { value: before, revision } = await loadMachine(s, id);
    refuseStale(ifMatch, machineEtag(before));
    const changed = await change(before);
    if (changed === before) return before;
    const at = s.clock.now().toISOString();
    const after: Machine = { ...changed, metadata: { ...changed.metadata, updated_at: at } };
    const by = actor.getStore();
    const changes = historyOf(before, after, at).map((one) =>
      by === undefined ? one : { ...one, by },
    );
    await s.store.machines.put(after, { revision }, { changes, replaces: before });
    return after;
  };
  return lanesOf(s.store).run(id, () => retryOnConflict(attempt));
}

/** Changes of one machine by this server go one after another, so that none is in vain. */
const lanes = new WeakMap<Store, Lanes>();

function lanesOf(store: Store): Lanes {
  const known = lanes.get(store) ?? new Lanes();
  lanes.set(store, known);
  return known;
}

/** A record as it is shown: without secrets, with how alive the machine is, and last_seen as of now. */
export function viewMachine(
  machine: Machine,
  { liveness, clock }: { liveness: Liveness; clock: Clock },
): MachineView {
  const seenAt = liveness.get(machine.id)?.seenAt.toISOString() ?? null;
  const stored = machine.status.last_seen;
  const { token_sha256: _never, disk_clues: _clues, ...shown } = machine;
  const { bmc } = machine.config;
  return {
    ...withReturns(shown, clock.now()),
    liveness: liveness.of(machine.id, stored !== null),
    status: {
      ...machine.status,
      last_seen: seenAt ?? stored,
    },
    config: {
      ...machine.config,
      bmc:
        bmc === null
          ? null
          : { address: bmc.address, username: bmc.username, bmc_type: bmc.bmc_type },
    },
  };
}

/** Shows a machine that is kept in the agent, because its disk does not boot, with that as a problem. */
function withReturns<M extends Omit<Machine, 'token_sha256'>>(machine: M, now: Date): M {
  const { report, local_boot } = machine;
  if (report === undefined || !keepsComingBack(local_boot, now)) return machine;
  const problem = {
    code: 'boot.returned',
    section: 'boot',
    source: 'server',
    message:
      'sent to its own disk, it came back from the network at once, twice running; it is kept in the agent for an hour, or until it is changed: see that its disk boots',
  };
  return { ...machine, report: { ...report, problems: [...report.problems, problem] } };
}

/** The version of a record, without what machines change all the time: last_seen, tokens, boots. */
export function machineEtag(record: Machine): string {
  const {
    token_sha256: _tokens,
    token_holder: _holder,
    local_boot: _boots,
    disk_clues: _clues,
    ...machine
  } = record;
  return etag({ ...machine, status: { ...machine.status, last_seen: null } });
}
