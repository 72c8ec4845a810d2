// A heartbeat: answered from memory; the store is read only after the machine's record changed.
import { AppError } from '../../core/errors.ts';
import type { HeartbeatRequest, HeartbeatResponse } from '../../model/api.ts';
import { refuseOtherMachine, type Principal } from '../access/auth.ts';
import type { Decision } from '../rules/decide.ts';
import { refuseOtherBoot } from './identity-in-use.ts';
import { decisionFor, loadMachine } from '../machines/machines.ts';
import type { Services } from '../services.ts';

/** Errors: AppError `machine.unknown` (check in again), `identity.in-use`, `auth.denied`,
 *  `server.busy`, `store.*`. */
export async function heartbeat(
  s: Services,
  request: HeartbeatRequest,
  by: Principal,
): Promise<HeartbeatResponse> {
  const id = request.machine_id.toLowerCase();
  const bootId = request.boot_id ?? undefined;
  refuseOtherMachine(by, id);
  s.overload.refuse('heartbeat');
  const known = s.liveness.get(id);
  const changes = s.liveness.changes;
  const decision = known?.decision ?? (await readDecision(s, id));
  if (known !== undefined) {
    if (known.bootId !== bootId) await refuseOtherBoot(s, known, bootId);
    refuseChangedIdentity(known.identityHash, request.identity_hash ?? undefined, id);
  }
  const presence = s.liveness.heard(id);
  presence.bootId = bootId;
  presence.beating = true;
  presence.state = decision.state;
  if (changes === s.liveness.changes) presence.decision = decision;
  s.metrics.heartbeats.inc();
  return {
    action: decision.action,
    workflow_id: decision.workflowId,
    heartbeat_interval_seconds: s.liveness.nextIntervalSeconds(presence),
  };
}

async function readDecision(s: Services, id: string): Promise<Decision> {
  const { value } = await loadMachine(s, id);
  return decisionFor(s, value);
}

/** A machine whose hash is another one than at its check-in is to check in again. */
function refuseChangedIdentity(
  before: string | undefined,
  now: string | undefined,
  id: string,
): void {
  if (before === undefined || now === undefined || before === now) return;
  throw new AppError('machine.unknown', 'the identity of the machine changed: check in again', {
    details: { machine_id: id },
  });
}
