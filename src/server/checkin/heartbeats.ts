// A heartbeat, answered from memory. The store is read only when the machine's record has changed.
import { AppError } from '../../core/errors.ts';
import type { HeartbeatRequest, HeartbeatResponse } from '../../model/api.ts';
import { refuseOtherMachine, type Principal } from '../access/auth.ts';
import { decisionFor } from '../machines/decision.ts';
import { loadMachine } from '../machines/machines.ts';
import type { Decisions } from '../running/decisions.ts';
import type { Metrics } from '../running/metrics.ts';
import type { Overload } from '../running/overload.ts';
import { inUse, type ClaimServices } from './claims.ts';
import { recordTwoLive } from './conflicts.ts';

export interface HeartbeatServices extends ClaimServices {
  readonly decisions: Decisions;
  readonly overload: Overload;
  readonly metrics: Metrics;
}

/** Errors: AppError `machine.unknown` (check in again), `identity.in-use`, `auth.denied`,
 *  `server.busy`, `store.*`. */
export async function heartbeat(
  s: HeartbeatServices,
  request: HeartbeatRequest,
  by: Principal,
): Promise<HeartbeatResponse> {
  const id = request.machine_id.toLowerCase();
  refuseOtherMachine(by, id);
  s.overload.refuse('heartbeat');
  const decision =
    s.decisions.get(id) ??
    (await s.decisions.refresh(id, async () => decisionFor(s, (await loadMachine(s, id)).value)));
  const before = s.liveness.get(id)?.bootId ?? null;
  switch (s.liveness.beat(id, request, decision.state)) {
    case 'other boot':
      throw inUse(s.liveness, id);
    case 'other identity':
      throw new AppError('machine.unknown', 'the identity of the machine changed: check in again', {
        details: { machine_id: id },
      });
    case 'taken back':
      await recordTwoLive(s, id, before);
      break;
    case 'heard':
  }
  s.metrics.heartbeats.inc();
  return {
    action: decision.action,
    workflow_id: decision.workflowId,
    heartbeat_interval_seconds: s.liveness.nextIntervalSeconds(id),
  };
}
