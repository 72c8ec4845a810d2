// One identity, one live machine: tells a reboot from a second machine that claims the same identity.
// Whoever is alive keeps it; the other one is refused, and an operator sees a conflict.
import { AppError } from '../../core/errors.ts';
import type { MatchedBy } from '../../model/history.ts';
import type { Machine } from '../../model/machine.ts';
import type { Principal } from '../access/principal.ts';
import type { Boot } from '../running/liveness/presence.ts';
import { recordTwoLive } from './conflicts.ts';
import { inUse } from './in-use.ts';
import type { LastCheckins } from './last-checkins.ts';
import type { Recognition } from './recognition.ts';
import { refuseStranger } from './stranger.ts';
import { isClaimedByTwo, type StockClaimServices } from './stock-claim.ts';

export interface ClaimServices extends StockClaimServices {
  /** Left out: none is remembered. */
  readonly lastCheckins?: LastCheckins;
  /** Called before a machine that is new is written. Errors: AppError `server.limited`. */
  readonly admitNew?: () => void;
}

/** A caller's relation to the machine that it may speak for. */
export interface Claimant {
  /** It came with the token that the machine proved to hold. */
  readonly isHolder: boolean;
  /** It came with none of the machine's own tokens, and tokens are needed. */
  readonly needsToken: boolean;
  /** Another machine claims the same identity: its report is kept, but it is told to do nothing. */
  readonly isContested: boolean;
  /** The id of the token that the machine was last heard with. */
  readonly heardWith: string | undefined;
}

/** True for the token that the machine proved to hold. */
export function isHolder(by: Principal, machine: Machine): boolean {
  return (
    by.kind === 'machine' && by.machineId === machine.id && by.tokenId === machine.token_holder
  );
}

/** The caller's relation to the machine that it was recognised as, or to a new one; undefined if it is
 *  another machine. The last boot heard as the machine decides:
 *
 *      last boot                            by hash or primary MAC    by other evidence
 *      the caller's, or silent until late   yes                       yes
 *      silent since the caller's started    yes, a reboot             not yet
 *      heard while the caller's ran         never: a conflict         no
 *      the caller does not say              not yet                   yes
 *
 *  A caller with the token that the machine proved to hold may, whoever was heard; one with another machine's
 *  token may not. A last boot that only checked in contests neither hash nor primary MAC. "Not yet" is to ask
 *  again when the machine is late, or was heard: until then a replaced port and a copied virtual machine look
 *  alike. Where neither boot is stated, as by stock agents, see stranger.ts and stock-claim.ts. Errors: AppError `identity.in-use` for
 *  "not yet" and "never"; `auth.denied`; `store.*`. */
export async function mayClaim(
  s: ClaimServices,
  recognition: Recognition,
  caller: Principal,
): Promise<Claimant | undefined> {
  const { found, resolution, request } = recognition;
  const machine = found?.value;
  refuseForeignToken(s, caller, machine?.id);
  const isOwn = machine !== undefined && isHolder(caller, machine);
  let isContested = false;
  if (machine !== undefined && !isOwn) {
    if (caller.kind === 'stock') refuseBesideToken(s, machine, request);
    const isFree = await isUncontested(s, machine.id, resolution.matchedBy, request);
    if (!isFree) return undefined;
    await refuseStranger(s, machine, recognition, caller);
    isContested = await isClaimedByTwo(s, machine, recognition, caller);
  }
  return {
    isHolder: isOwn,
    isContested,
    needsToken: caller.kind === 'token' || caller.kind === 'boot',
    heardWith: s.liveness.get(machine?.id ?? '')?.tokenId ?? undefined,
  };
}

/** A caller without a token is not the machine while a boot with one is heard: a reboot takes longer than the silence after
 *  which an agent is late, and a UUID or a disk may be copied. Errors: AppError `identity.in-use`. */
function refuseBesideToken({ liveness }: ClaimServices, machine: Machine, boot: Boot): void {
  const hasToken = (machine.token_sha256 ?? []).length > 0;
  const { bootId = null, tokenId = null } = liveness.get(machine.id) ?? {};
  if (!hasToken || bootId === null) return;
  const claim = liveness.claims(machine.id, boot, 'heard');
  // The id of a boot is no secret; but one that beats without a token may check in without one.
  const isOwn = claim === 'same boot' && tokenId === null;
  if (claim !== 'unopposed' && !isOwn) throw inUse(liveness, machine.id);
}

async function isUncontested(
  s: ClaimServices,
  machineId: string,
  matchedBy: MatchedBy,
  boot: Boot,
): Promise<boolean> {
  const isByEvidence = matchedBy === 'evidence';
  const claim = s.liveness.claims(machineId, boot, isByEvidence ? 'heard' : 'beating');
  if (claim === 'unopposed' || claim === 'same boot') return true;
  if (isByEvidence) {
    if (claim === 'reboot') throw inUse(s.liveness, machineId);
    return claim === 'unknown';
  }
  if (claim === 'reboot') return true;
  if (claim === 'second machine' || (boot.boot_id ?? null) === null) {
    await recordTwoLive(s, machineId, `boot ${boot.boot_id ?? 'not stated'}`);
  }
  throw inUse(s.liveness, machineId);
}

/** A machine's own token registers nobody else. `machineId`: undefined for a new machine. */
function refuseForeignToken(
  { log }: ClaimServices,
  caller: Principal,
  machineId: string | undefined,
): void {
  if (caller.kind !== 'machine' || caller.machineId === machineId) return;
  const own = caller.machineId;
  log.warn({ machine_id: own, as: machineId ?? null }, 'another machine checked in with its token');
  throw new AppError(
    'auth.denied',
    `this is not the machine ${own} that the token belongs to: check in with an enrolment token`,
  );
}
