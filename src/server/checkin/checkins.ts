// A check-in, from its admission to its answer.
import { normalizeMac } from '../../identity/macs.ts';
import type { CheckinRequest, CheckinResponse } from '../../model/api.ts';
import type { Machine } from '../../model/machine.ts';
import type { Principal } from '../access/auth.ts';
import { decide, wouldOverwrite, type Decision } from '../rules/decide.ts';
import { isAliveElsewhere, refuseSecondMachine } from './identity-in-use.ts';
import { register, type Registration } from './registration.ts';
import { changeMachine } from '../machines/machines.ts';
import type { Services } from '../services.ts';
import { newMachineToken, withToken } from '../access/tokens.ts';
import { failWorkflow } from '../machines/workflows.ts';

/** Errors: AppError `identity.mismatch`, `identity.in-use`, `server.busy`, `request.invalid`,
 *  `store.*`. Once it is answered the record is durable. */
export function checkIn(
  s: Services,
  request: CheckinRequest,
  by: Principal,
): Promise<CheckinResponse> {
  return s.overload.run(async () => {
    const startedAt = s.clock.now().toISOString();
    await refuseIfInUse(s, request);
    const { registration, token } = await registerWithToken(s, request, by);
    const machine = registration.machine.value;
    const changes = s.liveness.changes;
    const decision = await decideAtCheckin(s, machine);
    const presence = s.liveness.heard(machine.id);
    if ((machine.status.last_seen ?? '') >= startedAt) s.liveness.noteWritten(machine.id);
    const bootId = request.boot_id ?? undefined;
    if (presence.bootId !== bootId) {
      presence.previousBootId = presence.beating ? presence.bootId : undefined;
      presence.bootId = bootId;
      presence.beating = false;
    }
    presence.identityHash = request.identity_hash ?? undefined;
    presence.state = decision.state;
    presence.decision = changes === s.liveness.changes ? decision : undefined;
    note(s, registration);
    return {
      machine_id: machine.id,
      memorable_name: machine.config.memorable_name,
      is_new: registration.isNew,
      action: decision.action,
      workflow_id: decision.workflowId,
      matched_by: registration.matchedBy,
      evidence: [...registration.evidence],
      heartbeat_interval_seconds: s.liveness.nextIntervalSeconds(presence),
      ...(token === undefined ? {} : { token }),
    };
  });
}

/** Registers, and gives whoever does not come with the machine's own token a new one, in one commit. */
async function registerWithToken(
  s: Services,
  request: CheckinRequest,
  by: Principal,
): Promise<{ registration: Registration; token: string | undefined }> {
  let token: string | undefined;
  const amend = (machine: Machine): Machine => {
    if (by.kind === 'anyone' || (by.kind === 'machine' && by.machineId === machine.id)) {
      return machine;
    }
    token = newMachineToken(machine.id);
    return withToken(machine, token);
  };
  const options = {
    clock: s.clock,
    newId: s.newId,
    amend,
    isAliveElsewhere: (machineId: string) => isAliveElsewhere(s, machineId, request),
  };
  const registration = await register(s.store, request, options);
  const { id } = registration.machine.value;
  // The answer to the last check-in, and with it the token, may have been lost.
  if (registration.repeated) await changeMachine(s, id, amend);
  s.auth.forgetMachine(id);
  return { registration, token };
}

/** Before anything is written: whether the machine that this would be is somebody else, alive. */
async function refuseIfInUse(s: Services, request: CheckinRequest): Promise<void> {
  const hash = request.identity_hash;
  const mac = normalizeMac(request.mac);
  const found =
    (typeof hash === 'string' ? await s.store.machines.byIdentity(hash) : undefined) ??
    (mac === undefined ? undefined : await s.store.machines.byMac(mac));
  if (found !== undefined) await refuseSecondMachine(s, found.value.id, request);
}

/** The decision; a workflow that would now overwrite a system nobody knew of is ended instead. */
async function decideAtCheckin(s: Services, machine: Machine): Promise<Decision> {
  const id = machine.status.current_workflow;
  const workflow = id === null ? undefined : (await s.store.workflows.get(id))?.value;
  if (workflow !== undefined && wouldOverwrite(machine, workflow)) {
    const os = machine.report?.existing_os?.name ?? 'an operating system';
    await failWorkflow(
      s,
      workflow.metadata.name,
      `${os} was found on the disks: create the workflow with "reimage": true to overwrite it`,
    );
    return { state: 'Error', action: 'wait', workflowId: null };
  }
  return decide(machine, workflow);
}

function note(s: Services, { machine, isNew, matchedBy }: Registration): void {
  const { id, config } = machine.value;
  s.metrics.checkins.inc({ matched_by: matchedBy });
  if (!isNew) return;
  s.events.publish('machine.registered', { machine_id: id, name: config.memorable_name });
  s.log.info({ machine_id: id, name: config.memorable_name }, 'a new machine registered');
}
