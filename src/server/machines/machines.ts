// Machine records as the server reads, shows and changes them.
import { AppError } from '../../core/errors.ts';
import type { MachineView } from '../../model/operator-api.ts';
import type { MachineChange } from '../../model/history.ts';
import { stateName, type Machine } from '../../model/machine.ts';
import { retryOnConflict } from '../../store/retry.ts';
import type { Versioned } from '../../store/store.ts';
import { decide, type Decision } from '../rules/decide.ts';
import type { Liveness } from '../running/liveness.ts';
import { etag, refuseStale } from '../rules/etag.ts';
import { changesBetween } from '../rules/machine-record.ts';
import type { Services } from '../services.ts';

/** The machine. Errors: AppError `machine.unknown`. */
export async function loadMachine(s: Services, id: string): Promise<Versioned<Machine>> {
  const found = await s.store.machines.get(id);
  if (found === undefined) throw unknownMachine(id);
  return found;
}

function unknownMachine(id: string): AppError {
  return new AppError('machine.unknown', `there is no machine ${id}`, {
    details: { machine_id: id },
  });
}

/** Reads, changes and writes a machine, again when somebody else wrote in between. `change` gives the
 *  new record, or the same one when there is nothing to do. `ifMatch` is the caller's ETag, if it
 *  insists on one. Errors: AppError `machine.unknown`, `request.stale`, `store.*`, those of `change`. */
export async function changeMachine(
  s: Services,
  id: string,
  change: (machine: Machine) => Machine | Promise<Machine>,
  ifMatch?: string,
): Promise<Machine> {
  return retryOnConflict(async () => {
    const { value: before, revision } = await loadMachine(s, id);
    refuseStale(ifMatch, machineEtag(before));
    const changed = await change(before);
    if (changed === before) return before;
    const at = s.clock.now().toISOString();
    const after: Machine = { ...changed, metadata: { ...changed.metadata, updated_at: at } };
    await s.store.machines.put(after, { revision }, { changes: historyOf(before, after, at) });
    return after;
  });
}

/** What a change adds to the machine's history: what it is, where it stands, what is decided for it. */
function historyOf(before: Machine, after: Machine, at: string): MachineChange[] {
  const changes = changesBetween(before, after, at);
  const compare = (what: string, was: string | null, is: string | null): void => {
    if (was !== is) changes.push({ at, what, before: was, after: is });
  };
  compare('state', stateName(before.status.state), stateName(after.status.state));
  compare('os_choice', before.config.os_choice, after.config.os_choice);
  compare('hostname', before.config.hostname, after.config.hostname);
  return changes;
}

/** What the machine's agent is to do, by its record. Errors: AppError `machine.unknown`, `store.*`. */
export async function decisionFor(s: Services, machine: Machine): Promise<Decision> {
  const current = machine.status.current_workflow;
  const workflow = current === null ? undefined : await s.store.workflows.get(current);
  return decide(machine, workflow?.value);
}

/** What is shown of a record: no secrets, how alive the machine is, and last_seen as of now. */
export function viewMachine(machine: Machine, liveness: Liveness): MachineView {
  const seenAt = liveness.get(machine.id)?.seenAt.toISOString() ?? null;
  const stored = machine.status.last_seen;
  const { token_sha256: _never, ...shown } = machine;
  const { bmc } = machine.config;
  return {
    ...shown,
    liveness: liveness.of(machine.id, stored),
    status: {
      ...machine.status,
      last_seen: seenAt !== null && (stored === null || seenAt > stored) ? seenAt : stored,
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

/** Names this content of a record, without what agents change all the time: last_seen and tokens. */
export function machineEtag({ token_sha256: _tokens, ...machine }: Machine): string {
  return etag({ ...machine, status: { ...machine.status, last_seen: null } });
}
