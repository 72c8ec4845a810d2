// A check-in becomes a stored machine: found again or new, exactly once, however many requests and
// servers there are. The decision which machine it is falls here, once.
import { isStock, type Evidence } from '../../identity/evidence.ts';
import { goesOnInEarlierBoot } from '../../identity/resolution/last-checkin.ts';
import type { Resolution } from '../../identity/resolution/resolve.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { IdentityConflict, MachineChange, MatchedBy } from '../../model/history.ts';
import type { AgentReport, Machine } from '../../model/machine.ts';
import { retryOnConflict } from '../../store/retry.ts';
import type { Versioned } from '../../store/store.ts';
import type { Principal } from '../access/principal.ts';
import { grantToken } from '../access/tokens.ts';
import { newMachine, returningMachine } from '../rules/machine-record.ts';
import { mayClaim, type Claimant, type ClaimServices } from './claims.ts';
import { conflictOf } from './conflicts.ts';
import { recognise, type Recognition } from './recognition.ts';
import { addressOf } from './stock-claim.ts';

export interface Registration {
  readonly machine: Versioned<Machine>;
  /** Its record until then; undefined for a new one. */
  readonly known: Machine | undefined;
  readonly isNew: boolean;
  readonly matchedBy: MatchedBy;
  /** Sentences that say what matched and what did not. */
  readonly evidence: readonly string[];
  /** The conflict that this check-in raised. */
  readonly conflict: IdentityConflict | undefined;
  /** It repeats the last check-in: answered as that was, nothing else done. */
  readonly isRepeat: boolean;
  /** The record says that the machine was seen now. */
  readonly isSeenWritten: boolean;
  /** Another machine claims the same identity. */
  readonly isContested: boolean;
  /** The caller came with the token that the machine proved to hold. */
  readonly isHolder: boolean;
  /** It is that, and goes on in a boot after which another one was heard as the machine. */
  readonly isBack: boolean;
  /** The machine's new token; undefined where the caller has one, or nobody needs any. */
  readonly token: string | undefined;
}

/** A machine that returns unchanged is written again when its stored last_seen is this old. */
const lastSeenEveryMs = 300_000;

/** Finds or makes the machine of a check-in. An unchanged machine costs no write.
 *  Errors: AppError `request.invalid`, `identity.mismatch`, `identity.in-use`, `auth.denied`, `store.*`. */
export function register(
  s: ClaimServices,
  request: CheckinRequest,
  caller: Principal,
): Promise<Registration> {
  return retryOnConflict(() => registerOnce(s, request, caller, new Set()));
}

async function registerOnce(
  s: ClaimServices,
  request: CheckinRequest,
  caller: Principal,
  alive: ReadonlySet<string>,
): Promise<Registration> {
  const own = caller.kind === 'machine' ? caller.machineId : undefined;
  const known = alive.size === 0 ? await s.lastCheckins?.recall(s.store, request, own) : undefined;
  const from = addressOf(caller);
  const recognition = { ...(known ?? (await recognise(s.store, request, alive, own))), from };
  const claimant = await mayClaim(s, recognition, caller);
  const { found } = recognition;
  if (found === undefined) return create(s, recognition, claimant, caller);
  if (claimant !== undefined) return update(s, recognition, found, claimant);
  // Evidence for a machine that is alive elsewhere is evidence for two machines.
  return registerOnce(s, request, caller, new Set([...alive, found.value.id]));
}

async function create(
  s: ClaimServices,
  recognition: Recognition,
  claimant: Claimant | undefined,
  caller: Principal,
): Promise<Registration> {
  s.admitNew?.();
  const { resolution, sightings: unlessSeen } = recognition;
  const id = s.newId();
  const now = s.clock.now();
  const { machine, token } = grant(claimant, newMachine(id, recognition, now), now);
  const conflict = await raised(s, id, resolution);
  const revision = await s.store.machines.put(machine, 'absent', { unlessSeen, ...conflict });
  // A second one then shows from its first check-in on.
  if (isStock(recognition.shown)) {
    s.liveness.stock.hear(id, recognition.request, addressOf(caller));
  }
  return {
    ...untouched(resolution, { value: machine, revision }),
    ...conflict,
    known: undefined,
    isNew: true,
    isSeenWritten: true,
    token,
  };
}

async function update(
  s: ClaimServices,
  recognition: Recognition & { readonly from: string | null },
  found: Versioned<Machine>,
  claimant: Claimant,
): Promise<Registration> {
  const { shown, resolution } = recognition;
  const { id, status, report } = found.value;
  if (isRepeat(shown, report)) return repeat(s, found, report, claimant);
  const now = s.clock.now();
  const isRecent = now.getTime() - Date.parse(status.last_seen ?? '') < lastSeenEveryMs;
  const mayStay = isRecent && !claimant.needsToken;
  const isSameSender = (found.value.report?.from_address ?? null) === recognition.from;
  if (mayStay && isSameSender && recognition.tellsNothingNew === true)
    return untouched(resolution, found, claimant);
  const { machine: told, isSame, changes } = returningMachine(found.value, recognition, now);
  const conflict = await raised(s, id, resolution);
  if (isSame && mayStay && conflict === undefined) {
    s.lastCheckins?.keep(recognition);
    return untouched(resolution, found, claimant);
  }
  const { machine, token, change } = grant(claimant, told, now);
  const along = { changes: [...changes, ...change], replaces: found.value, ...conflict };
  const revision = await s.store.machines.put(machine, found, along);
  return {
    ...untouched(resolution, { value: machine, revision }, claimant),
    ...conflict,
    known: found.value,
    isSeenWritten: true,
    isBack: claimant.isHolder && goesOnInEarlierBoot(shown, found.value),
    token,
  };
}

/** Answers as before. The last answer, and the token with it, may have been lost. */
async function repeat(
  s: ClaimServices,
  found: Versioned<Machine>,
  { is_new, matched_by, evidence }: AgentReport,
  claimant: Claimant,
): Promise<Registration> {
  const before = { matchedBy: matched_by, evidence };
  const { machine, token, change: changes } = grant(claimant, found.value, s.clock.now());
  const revision =
    token === undefined ? found.revision : await s.store.machines.put(machine, found, { changes });
  return {
    ...untouched(before, { value: machine, revision }, claimant),
    isNew: is_new ?? false,
    isRepeat: true,
    token,
  };
}

/** The registration of a machine that returns unchanged. */
function untouched(
  { matchedBy, evidence }: Pick<Resolution, 'matchedBy' | 'evidence'>,
  machine: Versioned<Machine>,
  claimant?: Claimant,
): Registration {
  return {
    machine,
    known: machine.value,
    isHolder: claimant?.isHolder ?? false,
    isContested: claimant?.isContested ?? false,
    matchedBy,
    evidence,
    conflict: undefined,
    isNew: false,
    isRepeat: false,
    isSeenWritten: false,
    isBack: false,
    token: undefined,
  };
}

/** The conflict that a resolution raises, if any. */
async function raised(
  s: ClaimServices,
  machineId: string,
  { doubt }: Resolution,
): Promise<{ conflict: IdentityConflict } | undefined> {
  const conflict = doubt === undefined ? undefined : await conflictOf(s, machineId, doubt);
  return conflict === undefined ? undefined : { conflict };
}

/** The machine, with a new token where the claimant needs one. */
function grant(
  claimant: Claimant | undefined,
  machine: Machine,
  now: Date,
): { machine: Machine; token: string | undefined; change: readonly MachineChange[] } {
  return claimant?.needsToken === true
    ? grantToken(machine, claimant.heardWith, now)
    : { machine, token: undefined, change: [] };
}

function isRepeat(
  { bootId, sequence }: Evidence,
  last: AgentReport | undefined,
): last is AgentReport {
  const isStated = bootId !== null && sequence !== null;
  return isStated && bootId === last?.boot_id && sequence === last.sequence;
}
