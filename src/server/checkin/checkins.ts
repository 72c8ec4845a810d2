// A check-in, from its registration to its answer.
import type { CheckinRequest, CheckinResponse } from '../../model/api.ts';
import type { Principal } from '../access/auth.ts';
import { decisionFor } from '../machines/decision.ts';
import type { Decisions } from '../running/decisions.ts';
import type { Events } from '../running/events.ts';
import type { Metrics } from '../running/metrics.ts';
import type { ClaimServices } from './claims.ts';
import { register, type Registration } from './registration.ts';

export interface CheckinServices extends ClaimServices {
  readonly decisions: Decisions;
  readonly events: Events;
  readonly metrics: Metrics;
}

/** Once it is answered the record is durable. Errors: AppError `identity.mismatch`, `identity.in-use`,
 *  `request.invalid`, `store.*`. */
export async function checkIn(
  s: CheckinServices,
  request: CheckinRequest,
  caller: Principal,
): Promise<CheckinResponse> {
  const registration = await register(s, request, caller);
  const { token, matchedBy, evidence, isNew, isSeenWritten } = registration;
  const { id, config } = registration.machine.value;
  const { action, workflowId, state } = await s.decisions.refresh(id, () =>
    decisionFor(s, registration.machine.value),
  );
  const interval = s.liveness.checkedIn(id, request, state, isSeenWritten);
  note(s, registration);
  return {
    machine_id: id,
    memorable_name: config.memorable_name,
    is_new: isNew,
    action,
    workflow_id: workflowId,
    matched_by: matchedBy,
    evidence: [...evidence],
    heartbeat_interval_seconds: interval,
    ...(token === undefined ? {} : { token }),
  };
}

function note(s: CheckinServices, { machine, isNew, matchedBy }: Registration): void {
  const { id, config } = machine.value;
  s.metrics.checkins.inc({ matched_by: matchedBy });
  if (!isNew) return;
  s.events.publish('machine.registered', { machine_id: id, name: config.memorable_name });
  s.log.info({ machine_id: id, name: config.memorable_name }, 'a new machine registered');
}
