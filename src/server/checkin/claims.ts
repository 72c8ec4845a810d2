// One identity, one live machine: tells a reboot from a second machine that claims the same identity.
// Whoever is alive keeps it; the other one is refused, and an operator sees a conflict.
import { AppError } from '../../core/errors.ts';
import { isStock } from '../../identity/evidence.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { MatchedBy } from '../../model/history.ts';
import type { Machine } from '../../model/machine.ts';
import type { Auth } from '../access/auth.ts';
import type { Principal } from '../access/principal.ts';
import type { Liveness } from '../running/liveness/liveness.ts';
import { isInterrupted } from '../rules/decide.ts';
import type { Boot } from '../running/liveness/presence.ts';
import { isSame, shownBy, type Shown, type StockClaim } from '../running/liveness/stock-claims.ts';
import { recordTwoLive, type ConflictServices } from './conflicts.ts';
import type { Recognition } from './recognition.ts';

export interface ClaimServices extends ConflictServices {
  readonly liveness: Liveness;
  /** Called before a machine that is new is written. Errors: AppError `server.limited`. */
  readonly admitNew?: () => void;
  /** Left out: nobody comes without a token. */
  readonly auth?: Pick<Auth, 'stock'>;
}

/** A caller's relation to the machine that it may speak for. */
export interface Claimant {
  /** It came with the token that the machine proved to hold. */
  readonly isHolder: boolean;
  /** It came with none of the machine's own tokens, and tokens are needed. */
  readonly needsToken: boolean;
  /** Another machine claims the same identity: what it tells is kept, but it is told to do nothing. */
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
 *  alike. Where neither boot is stated, as by stock agents: see stockClaim. Errors: AppError `identity.in-use` for "not yet" and "never"; `auth.denied`; `store.*`. */
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
    isContested = await isClaimedByTwo(s, machine, recognition, caller);
  }
  return {
    isHolder: isOwn,
    isContested,
    needsToken: caller.kind === 'token' || caller.kind === 'boot',
    heardWith: s.liveness.get(machine?.id ?? '')?.tokenId ?? undefined,
  };
}

/** Whoever has no token is not the machine while a boot of it is heard that got one: neither a reboot, which takes
 *  longer than an agent's silence until it is late, nor by a copied UUID or disk. Errors: AppError `identity.in-use`. */
function refuseBesideToken({ liveness }: ClaimServices, machine: Machine, boot: Boot): void {
  const hasToken = (machine.token_sha256 ?? []).length > 0;
  if (!hasToken || (liveness.get(machine.id)?.bootId ?? null) === null) return;
  const claim = liveness.claims(machine.id, boot, 'heard');
  if (claim !== 'unopposed' && claim !== 'same boot') throw inUse(liveness, machine.id);
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

/** True if another machine claims, or seems to claim, to be the one that a stock agent speaks for. Errors: AppError
 *  `identity.in-use` if the caller has to wait; `store.*`. */
async function isClaimedByTwo(
  s: ClaimServices,
  machine: Machine,
  { shown, request }: Recognition,
  caller: Principal,
): Promise<boolean> {
  if (!isStock(shown)) return false;
  const claim = await stockClaim(s, machine, request, addressOf(caller));
  switch (claim.is) {
    case 'alone':
      return false;
    case 'beside its like':
      if (claim.areTwo) await recordTwoLive(s, machine.id, likeName(request, claim.others));
      return true;
    case 'first of two':
      await recordTwoLive(s, machine.id, stockName(claim.other));
      return true;
    case 'second of two':
      await recordTwoLive(s, machine.id, stockName(request));
      break;
    case 'not yet':
  }
  throw inUse(s.liveness, machine.id);
}

/** Where an agent without a token is. */
export function addressOf(caller: Principal): string | null {
  return caller.kind === 'stock' ? caller.address : null;
}

/** Compares a stock agent's check-in with the others. An agent that runs a workflow does not check in until
 *  it is done; meanwhile its events are its signs of life, and its record has what it showed. */
async function stockClaim(
  s: ClaimServices,
  machine: Machine,
  request: CheckinRequest,
  address: string | null,
): Promise<StockClaim> {
  const before = s.liveness.stock.lastHeard(machine.id, request);
  const claim = s.liveness.stock.hear(machine.id, request, address);
  const id = machine.status.current_workflow;
  if (id === null || claim.is === 'first of two' || claim.is === 'second of two') return claim;
  const workflow = (await s.store.workflows.get(id))?.value;
  if (workflow?.status?.state !== 'STATE_RUNNING') return claim;
  if (isInterrupted(machine, workflow, s.clock.now())) return claim;
  const other = shownIn(machine);
  const { lastEventAt = '', bootAskedAt = '', startedAt } = workflow.status;
  const goesOn = before !== undefined && before < new Date(lastEventAt);
  const second = { is: 'second of two', other } as const;
  if (address !== null && s.auth?.stock.isElsewhere(machine, address) === true) return second;
  if (!isSame(other, shownBy(request))) return goesOn ? second : { is: 'not yet' };
  if (claim.is === 'not yet') return claim;
  // Another one was told to begin while this one was there. Nothing of this one is kept: the calls of that one would
  // no longer be taken for the machine's.
  if (claim.is === 'beside its like') return claim.areTwo ? second : { is: 'not yet' };
  const wasThere = claim.besideAt !== undefined && claim.besideAt >= new Date(startedAt ?? '');
  if (wasThere) return goesOn ? second : { is: 'not yet' };
  // Somebody asked for the boot script, and the agent that runs the workflow went on reporting.
  if (bootAskedAt === '') return claim;
  if (before === undefined || before < new Date(bootAskedAt)) return { is: 'not yet' };
  return goesOn ? second : claim;
}

/** The traits that a stock agent on this machine would show. */
function shownIn({ hardware, report }: Machine): Shown {
  return shownBy({
    hostname: report?.hostname ?? null,
    ip_address: report?.ip_address ?? null,
    cpu_model: hardware.cpu_model,
    cpu_cores: hardware.cpu_cores,
    memory_bytes: hardware.memory_bytes,
    disks: hardware.disks.map(({ device, size_bytes }) => ({ name: device, size_bytes })),
  });
}

function stockName({ hostname, ip_address, cpu_model }: Omit<Shown, 'disks'>): string {
  const told = [hostname, ip_address, cpu_model].filter((text) => (text ?? null) !== null);
  return `the one that calls itself ${told.join(', ') || 'nothing'}`;
}

function likeName(request: CheckinRequest, others: readonly string[]): string {
  const from = others.length === 0 ? '' : `, at ${others.join(' and ')}`;
  return `one that shows the same as ${stockName(request)}${from}`;
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

export function inUse(liveness: Liveness, machineId: string): AppError {
  return new AppError(
    'identity.in-use',
    `another live machine is known as ${machineId}; if it was just switched off, the check-in is accepted once its heartbeats are late`,
    {
      details: {
        machine_id: machineId,
        retry_after_seconds: liveness.secondsUntilLate(machineId),
      },
    },
  );
}
