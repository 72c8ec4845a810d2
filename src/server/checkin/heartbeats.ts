// A heartbeat, answered from memory. The store is read only when the machine's record has changed.
import { AppError, isAppError } from '../../core/errors.ts';
import type { HeartbeatRequest, HeartbeatResponse } from '../../model/api/agent.ts';
import type { MachineStateName } from '../../model/machine.ts';
import type { Auth } from '../access/auth.ts';
import { refuseOtherMachine, type Principal } from '../access/principal.ts';
import { changeMachine, loadMachine } from '../machines/machines.ts';
import type { Decisions } from '../running/decisions.ts';
import type { Events } from '../running/events.ts';
import { countProblems, type Metrics } from '../running/metrics/metrics.ts';
import type { Overload } from '../running/overload.ts';
import type { StoreHealth } from '../running/store-health.ts';
import type { Beat, Proof } from '../running/liveness/presence.ts';
import { sshKeysOf, type Decision } from '../rules/decide.ts';
import { withLaterProblems } from '../rules/machine-record.ts';
import { withNeighbours } from '../rules/record/neighbours.ts';
import { isHolder, type ClaimServices } from './claims.ts';
import { recordTwoLive } from './conflicts.ts';
import { inUse } from './in-use.ts';
import { takeOtherTokens } from './taken-back.ts';

/** An older watch may have missed what another server decided. */
const freshMs = 5000;

export interface HeartbeatServices extends ClaimServices {
  readonly auth: Auth;
  readonly decisions: Decisions;
  readonly events: Events;
  readonly overload: Overload;
  readonly storeHealth: StoreHealth;
  readonly metrics: Metrics;
}

/** The answer. Errors: AppError `machine.unknown` (check in again), `identity.in-use`, `auth.denied`,
 *  `server.busy`, `store.*`. */
export function heartbeat(
  s: HeartbeatServices,
  request: HeartbeatRequest,
  by: Principal,
): HeartbeatResponse | Promise<HeartbeatResponse> {
  return heartbeatAtOnce(s, request, by) ?? heartbeatInFull(s, request, by);
}

/** The answer to a machine that goes on as it is known, and tells nothing new: nearly every heartbeat. undefined: nothing
 *  was done, and `heartbeat` has to answer. */
export function heartbeatAtOnce(
  s: HeartbeatServices,
  request: HeartbeatRequest,
  by: Principal,
): HeartbeatResponse | undefined {
  const id = request.machine_id.toLowerCase();
  if (by.kind === 'stock' || (by.kind === 'machine' && by.machineId !== id)) return undefined;
  if (tellsMore(request) || s.overload.refuses('heartbeat')) return undefined;
  const machine = s.liveness.expecting(id, request);
  if (machine === undefined) return undefined;
  const decision = recent(s, machine.machineId);
  if (decision === undefined || isOtherBoot(request, decision.bootId)) return undefined;
  const seconds = s.liveness.beatExpected(machine, decision.state, tokenOf(by).tokenId);
  return answerTo(s, seconds, decision);
}

function tellsMore({ problems = [], neighbours = [] }: HeartbeatRequest): boolean {
  return problems.length > 0 || neighbours.length > 0;
}

async function heartbeatInFull(
  s: HeartbeatServices,
  request: HeartbeatRequest,
  by: Principal,
): Promise<HeartbeatResponse> {
  const id = request.machine_id.toLowerCase();
  refuseOtherMachine(by, id);
  if (by.kind === 'stock' && s.liveness.get(id)?.address !== by.address) throw notHeardThere(id);
  s.overload.refuse('heartbeat');
  const presence = s.liveness.get(id);
  const before = presence?.bootId ?? null;
  // Heard before the store is asked: while that does not answer, the silence is the server's own. Not another boot, which
  // the store has to be told of.
  const speaking = before === (request.boot_id ?? null) ? presence : undefined;
  const known = (speaking && recent(s, id)) ?? speaking ?? (await decisionOf(s, id));
  const beat = s.liveness.beat(id, request, known.state, tokenOf(by));
  const decision = recent(s, id) ?? (await decisionOf(s, id));
  if (beat !== 'heard') await settle(s, beat, request, decision.state, by, before);
  refuseOtherBoot(request, decision.bootId);
  await keepProblems(s, id, request);
  await keepNeighbours(s, id, request);
  return answerTo(s, s.liveness.nextIntervalSeconds(id), decision);
}

/** `seconds`: until the next heartbeat is due. */
function answerTo(s: HeartbeatServices, seconds: number, decision: Decision): HeartbeatResponse {
  s.metrics.heartbeats.inc();
  return {
    action: decision.action,
    workflow_id: decision.workflowId,
    heartbeat_interval_seconds: seconds,
    ...sshKeysOf(decision),
  };
}

/** The order for the machine as it is remembered, while changes by other servers are sure to be heard of. */
function recent(s: HeartbeatServices, id: string): Decision | undefined {
  return s.store.watchAgeMs() < freshMs ? s.decisions.get(id) : undefined;
}

/** The order for the machine as the store has it. Errors: AppError `machine.unknown`, `store.*`. */
async function decisionOf(s: HeartbeatServices, id: string): Promise<Decision> {
  const read = async () => (await loadMachine(s, id)).value;
  try {
    const decision = await s.storeHealth.soon(() => s.decisions.refresh(id, read));
    s.liveness.told(id, decision.state);
    return decision;
  } catch (err) {
    if (isAppError(err, 'machine.unknown')) s.liveness.forget(id);
    if (isAppError(err, 'store.unavailable')) throw askLater(s, id, err);
    throw err;
  }
}

/** The time to come again: before the machine would be late, and not for all machines at once. */
function askLater({ liveness }: HeartbeatServices, id: string, cause: AppError): AppError {
  const retry_after_seconds = liveness.nextIntervalSeconds(id) / 2;
  return new AppError(cause.code, cause.message, { cause, details: { retry_after_seconds } });
}

/** Keeps what the agent could not do or read since its check-in. */
async function keepProblems(
  s: HeartbeatServices,
  id: string,
  { problems = [] }: HeartbeatRequest,
): Promise<void> {
  if (problems.length === 0) return;
  countProblems(s.metrics, problems);
  await changeMachine(s, id, (machine) => withLaterProblems(machine, problems, s.clock.now()));
}

/** Keeps the switches that the ports have heard since the check-in. */
async function keepNeighbours(
  s: HeartbeatServices,
  id: string,
  { neighbours = [] }: HeartbeatRequest,
): Promise<void> {
  if (neighbours.length === 0) return;
  await changeMachine(s, id, (machine) => withNeighbours(machine, neighbours));
}

/** Settles whose machine it is when another boot, `before`, speaks for it.
 *  Errors: AppError `machine.unknown`, `identity.in-use`, `store.*`. */
async function settle(
  s: HeartbeatServices,
  beat: Beat,
  request: HeartbeatRequest,
  state: MachineStateName,
  by: Principal,
  before: string | null,
): Promise<void> {
  const id = request.machine_id.toLowerCase();
  let settled = beat;
  if (beat === 'other boot') {
    const isHeld = by.kind === 'machine' && isHolder(by, (await loadMachine(s, id)).value);
    if (!isHeld) throw inUse(s.liveness, id);
    settled = s.liveness.beat(id, request, state, { ...tokenOf(by), isHolder: true });
  }
  if (settled === 'other identity') {
    throw new AppError('machine.unknown', 'the identity of the machine changed: check in again', {
      details: { machine_id: id },
    });
  }
  await recordTwoLive(s, id, `boot ${before ?? 'not stated'}`);
  if (by.kind === 'machine') await takeOtherTokens(s, id, by.tokenId);
}

/** An agent without a token beats for the machine that checked in from its address. */
function notHeardThere(machineId: string): AppError {
  return new AppError('machine.unknown', 'no check-in came from this address: check in again', {
    details: { machine_id: machineId },
  });
}

/** The order is for the boot that the machine last checked in from: any other hears it after it has
 *  checked in itself. Errors: AppError `machine.unknown`. */
function refuseOtherBoot(request: HeartbeatRequest, of: string | null): void {
  if (!isOtherBoot(request, of)) return;
  throw new AppError(
    'machine.unknown',
    'the machine has checked in from another boot: check in again',
    {
      details: { machine_id: request.machine_id },
    },
  );
}

function isOtherBoot({ boot_id: bootId = null }: HeartbeatRequest, of: string | null): boolean {
  return of !== null && bootId !== null && bootId !== of;
}

function tokenOf(by: Principal): Proof {
  return { tokenId: by.kind === 'machine' ? by.tokenId : null, isHolder: false };
}
