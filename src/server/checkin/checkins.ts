// A check-in, from its registration to its answer.
import { describeError, isAppError } from '../../core/errors.ts';
import type { Lanes } from '../../core/lanes.ts';
import { normalizeMac } from '../../identity/macs.ts';
import type { CheckinRequest, CheckinResponse } from '../../model/api/agent.ts';
import { stateName, tokenIds, type Machine } from '../../model/machine.ts';
import type { Auth } from '../access/auth.ts';
import { nameOf, type Principal } from '../access/principal.ts';
import { afterRefusal } from '../rules/record/sender.ts';
import { noteArrival } from '../machines/arrival.ts';
import { noteCheckin, noteSentToDisk } from '../machines/local-boots.ts';
import { changeMachine, loadMachine } from '../machines/machines.ts';
import type { Decisions } from '../running/decisions.ts';
import { sshKeysOf, type Decision } from '../rules/decide.ts';
import { fingerprintOf } from '../rules/settings/ssh-keys.ts';
import { appendAudit, remoteShellAction } from '../running/audit-log.ts';
import type { Events } from '../running/events.ts';
import type { Client, Limits } from '../running/limits.ts';
import { countProblems, type Metrics } from '../running/metrics/metrics.ts';
import type { ClaimServices } from './claims.ts';
import { register, type Registration } from './registration.ts';
import { addressOf } from './stock-claim.ts';
import { takeOtherTokens } from './taken-back.ts';

export interface CheckinServices extends ClaimServices {
  /** Check-ins of one machine go one after another: together they would only repeat each other's work. */
  readonly checkins: Lanes;
  readonly auth: Auth;
  readonly decisions: Decisions;
  readonly events: Events;
  readonly limits: Limits;
  readonly client: Client;
  readonly metrics: Metrics;
}

/** Takes a check-in. A stock agent that claims the identity of a live machine is told to wait: a refusal of
 *  its first check-in would leave it at its console for ever. Errors: as `admit`. */
export async function checkIn(
  s: CheckinServices,
  request: CheckinRequest,
  caller: Principal,
): Promise<CheckinResponse> {
  try {
    return await s.checkins.run(normalizeMac(request.mac) ?? request.mac, () =>
      admit(s, request, caller),
    );
  } catch (err) {
    const isStock = (request.boot_id ?? null) === null;
    if (!isStock || !isAppError(err, 'identity.in-use')) throw err;
    return answerSecond(s, String(err.details['machine_id']), {
      request,
      caller,
      why: err.message,
    });
  }
}

interface Refused {
  readonly request: CheckinRequest;
  readonly caller: Principal;
  readonly why: string;
}

/** The answer to a stock agent that looks like another machine which is alive. Nothing that it reports is
 *  written. If it comes from the first one's own address, other disks cast doubt on the first one too. */
async function answerSecond(
  s: CheckinServices,
  machineId: string,
  { request, caller, why }: Refused,
): Promise<CheckinResponse> {
  const { value } = await loadMachine(s, machineId);
  if (caller.kind === 'stock') {
    await changeMachine(s, machineId, (machine) => afterRefusal(machine, request, caller.address));
  }
  return {
    machine_id: machineId,
    memorable_name: value.config.memorable_name,
    is_new: false,
    action: 'wait',
    workflow_id: null,
    matched_by: 'primary_mac',
    evidence: [why],
    heartbeat_interval_seconds: Math.ceil(s.liveness.secondsUntilLate(machineId)),
  };
}

/** Once it is answered the record is durable. Errors: AppError `identity.mismatch`, `identity.in-use`,
 *  `request.invalid`, `auth.denied`, `store.*`. */
async function admit(
  s: CheckinServices,
  request: CheckinRequest,
  caller: Principal,
): Promise<CheckinResponse> {
  if (caller.kind === 'boot') await s.auth.boots.use(caller.secret, request);
  const registration = await register(s, request, caller);
  const { token, matchedBy, evidence, isNew, isSeenWritten, isHolder } = registration;
  const { id } = registration.machine.value;
  if (registration.isBack && caller.kind === 'machine')
    await takeOtherTokens(s, id, caller.tokenId);
  const { machine, decision } = registration.isContested
    ? waiting(registration.machine.value)
    : await told(s, registration.machine.value, request);
  const { action, workflowId, state } = decision;
  const interval = s.liveness.checkedIn(id, request, state, {
    isWritten: isSeenWritten,
    isHolder,
    address: addressOf(caller),
  });
  note(s, registration, caller);
  await noteShell(s, registration, caller, decision);
  if (!registration.isRepeat) countProblems(s.metrics, request.problems ?? []);
  return {
    machine_id: id,
    memorable_name: machine.config.memorable_name,
    is_new: isNew,
    action,
    workflow_id: workflowId,
    matched_by: matchedBy,
    evidence: [...evidence],
    heartbeat_interval_seconds: interval,
    ...(token === undefined ? {} : { token }),
    ...sshKeysOf(decision),
  };
}

interface Told {
  readonly machine: Machine;
  readonly decision: Decision;
}

async function told(s: CheckinServices, known: Machine, request: CheckinRequest): Promise<Told> {
  const machine = await noteArrival(s, await noteCheckin(s, known, request), request);
  const decision = await s.decisions.refresh(machine.id, () => machine);
  if (decision.action === 'localboot') await noteSentToDisk(s, machine, request.boot_id ?? null);
  return { machine, decision };
}

/** While two machines claim one identity neither is told to do anything. */
function waiting(machine: Machine): Told {
  const state = stateName(machine.status.state);
  return { machine, decision: { state, action: 'wait', workflowId: null, bootId: null } };
}

function note(s: CheckinServices, registration: Registration, caller: Principal): void {
  const { machine, isNew, matchedBy, token } = registration;
  const { id: machine_id, config } = machine.value;
  s.metrics.checkins.inc({ matched_by: matchedBy });
  if (isNew && !registration.isRepeat) {
    s.events.publish('machine.registered', { machine_id, name: config.memorable_name });
    s.log.info({ machine_id, name: config.memorable_name }, 'a new machine registered');
  }
  const [newest, ...before] = tokenIds(machine.value);
  if (token === undefined || before.length === 0) return;
  const by = nameOf(caller);
  s.events.publish('machine.token', { machine_id, token: newest, by });
  s.log.info({ machine_id, token: newest, by }, 'a known machine was given a new token');
}

/** Notes in the audit log that a machine has opened its remote shell: once for each host key, within a limit. */
async function noteShell(
  s: CheckinServices,
  { machine: { value: machine }, known }: Registration,
  caller: Principal,
  { sshKeys = [] }: Decision,
): Promise<void> {
  const shell = machine.report?.remote_shell;
  if (shell === undefined || shell.host_key === known?.report?.remote_shell?.host_key) return;
  try {
    s.limits.audited(machine.id, s.client);
    await appendAudit(s, {
      by: nameOf(caller),
      from: s.client.address,
      action: remoteShellAction,
      records: [`machines/${machine.id}`],
      change: { host_key: shell.fingerprint, keys: sshKeys.map(fingerprintOf) },
      request_id: null,
    });
  } catch (err) {
    // The shell is open already: failing the check-in would not close it.
    s.log.error({ error: describeError(err), machine_id: machine.id }, 'not in the audit log');
  }
}
