// Identity conflicts, as operators decide them: is a machine one of the candidates, or one of its own?
import { AppError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { IdentityConflict } from '../../model/history.ts';
import type { Machine } from '../../model/machine.ts';
import type { Versioned } from '../../store/store.ts';
import type { Auth } from '../access/auth.ts';
import type { Liveness } from '../running/liveness/liveness.ts';
import { changeMachine, loadMachine, type ChangeServices } from './machines.ts';
import { refuseSecondWorkflow } from './workflows/workflows.ts';
import { deleteLogs } from '../running/machine-logs.ts';

/** The services that deciding a conflict needs. */
export interface DecideServices extends ChangeServices {
  readonly auth: Auth;
  readonly liveness: Liveness;
  readonly log: Log;
}

/** Decides that the machine is the candidate `into`, or that there is one machine alone, whose own record is the candidate:
 *  then the addresses that the conflict refused are let in. The candidate keeps its id and configuration and
 *  gets the machine's identity and hardware; the machine's own record is deleted.
 *  Errors: AppError `conflict.*`, `request.invalid`, `workflow.active`, `machine.unknown`, `store.*`. */
export async function acceptConflict(
  s: DecideServices,
  id: string,
  into: string | undefined,
): Promise<IdentityConflict> {
  const conflict = await loadOpen(s, id);
  const target = targetOf(conflict.value, into);
  const source = await s.store.machines.get(conflict.value.machine_id);
  if (source !== undefined && target !== source.value.id) await merge(s, source, target);
  return resolve(s, conflict, { decision: 'accepted', into: target });
}

/** Decides that the machine is the one at an address that the conflict refused: it is let in at once, and the one that was
 *  taken for it is kept out. Errors: AppError `conflict.*`, `request.invalid`, `machine.unknown`, `store.*`. */
export async function acceptAddress(
  s: DecideServices,
  id: string,
  address: string,
): Promise<IdentityConflict> {
  const { value, revision } = await loadOpen(s, id);
  const { machine_id, refused_addresses: refused = [] } = value;
  if (!refused.includes(address)) throw notRefused(refused);
  const { report } = (await loadMachine(s, machine_id)).value;
  if (report?.from_address === undefined) throw hasNoAddress();
  // Before the machine has another one: a decision that is not written can be made again, with the same outcome.
  const noted = { ...value, refused_addresses: [...new Set([...refused, report.from_address])] };
  const notedAt = await s.store.conflicts.put(noted, { revision });
  await changeMachine(s, machine_id, (machine) =>
    machine.report?.from_address === undefined
      ? machine
      : { ...machine, report: { ...machine.report, from_address: address } },
  );
  s.liveness.stock.forget(machine_id);
  const others = noted.refused_addresses.filter((other) => other !== address);
  const decided = { value: { ...value, refused_addresses: others }, revision: notedAt };
  return resolve(s, decided, { decision: 'accepted', into: machine_id, address });
}

/** Decides that the machine is one of its own. The addresses that the conflict refused stay refused. Errors: AppError `conflict.*`, `store.*`. */
export async function splitConflict(s: DecideServices, id: string): Promise<IdentityConflict> {
  return resolve(s, await loadOpen(s, id), { decision: 'split', into: null });
}

/** Takes a decision back; a conflict that is open stays so. A merge cannot be taken back: one of the records is gone. Errors: AppError `conflict.*`, `store.*`. */
export async function reopenConflict(s: DecideServices, id: string): Promise<IdentityConflict> {
  const { value, revision } = await loadConflict(s, id);
  if (value.resolution === null) return value;
  if (value.resolution.decision === 'accepted' && value.resolution.into !== value.machine_id) {
    throw new AppError(
      'conflict.decided',
      'the conflict was decided by a merge, which deleted one of the records: it cannot be undone',
      { details: { resolution: value.resolution } },
    );
  }
  const open: IdentityConflict = { ...value, resolution: null };
  await s.store.conflicts.put(open, { revision });
  s.log.info({ conflict_id: id }, 'an identity conflict was opened again');
  return open;
}

async function loadConflict(s: DecideServices, id: string): Promise<Versioned<IdentityConflict>> {
  const found = await s.store.conflicts.get(id);
  if (found !== undefined) return found;
  throw new AppError('conflict.unknown', `there is no conflict ${id}`);
}

async function loadOpen(s: DecideServices, id: string): Promise<Versioned<IdentityConflict>> {
  const found = await loadConflict(s, id);
  if (found.value.resolution !== null) {
    throw new AppError(
      'conflict.decided',
      `the conflict was already decided: ${found.value.resolution.decision}`,
      { details: { resolution: found.value.resolution } },
    );
  }
  return found;
}

function targetOf({ candidates }: IdentityConflict, into: string | undefined): string {
  const [only] = candidates;
  const target = into ?? (candidates.length === 1 ? only?.machine_id : undefined);
  if (target !== undefined && candidates.some((c) => c.machine_id === target)) return target;
  throw new AppError('request.invalid', 'body: into must name one of the candidates', {
    details: { path: 'into', part: 'body', candidates: candidates.map((c) => c.machine_id) },
  });
}

function notRefused(refused: readonly string[]): AppError {
  return new AppError(
    'request.invalid',
    'body: address must be one of the addresses that the conflict refuses',
    { details: { path: 'address', part: 'body', refused_addresses: [...refused] } },
  );
}

function hasNoAddress(): AppError {
  return new AppError(
    'request.invalid',
    'body: the agent of the machine is known by its token by now, not by an address',
    { details: { path: 'address', part: 'body' } },
  );
}

/** Changes the candidate before it deletes the other record: a crash between leaves both, to accept again. */
async function merge(s: DecideServices, source: Versioned<Machine>, target: string): Promise<void> {
  const { id, identity, hardware, report, disk_clues } = source.value;
  await refuseSecondWorkflow(s, source.value);
  await changeMachine(s, target, async (machine) => {
    await refuseSecondWorkflow(s, machine);
    return {
      ...machine,
      identity,
      hardware,
      ...(report === undefined ? {} : { report }),
      ...(disk_clues === undefined ? {} : { disk_clues }),
    };
  });
  await s.store.machines.delete(id, { revision: source.revision });
  s.auth.forgetMachine(id);
  s.liveness.forget(id);
  await deleteLogs(s.store, id);
}

async function resolve(
  s: DecideServices,
  { value, revision }: Versioned<IdentityConflict>,
  decision: Omit<NonNullable<IdentityConflict['resolution']>, 'at'>,
): Promise<IdentityConflict> {
  const resolution = { ...decision, at: s.clock.now().toISOString() };
  const decided: IdentityConflict = { ...value, resolution };
  await s.store.conflicts.put(decided, { revision });
  s.log.info({ conflict_id: value.id, ...decision }, 'an identity conflict was decided');
  return decided;
}
