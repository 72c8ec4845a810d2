// A caller that checks in as a machine from another address than that one's own, where the machine's agent has no token. All
// that such an agent shows can be copied, its address cannot; but a machine may get another one. An enrolment token or the
// secret of a boot script proves the rack, not the machine, so it makes nobody less of a stranger.
//
//     the machine                              the stranger
//     is silent until it is late               is the machine, which moved
//     is silent, and a conflict names          waits until an operator has decided that it is the machine
//       the stranger's address                   (accepted; split: it is another one, and goes on waiting)
//     showed less than the stranger does       is the machine
//     was heard of late                        waits; with a conflict once both are heard in turn
//     reported its workflow, or its end,       waits, likewise
//       of late
//     may be heard yet: the server just        waits
//       started
//
// A stranger that waits is told nothing and leaves nothing behind, so it costs the machine nothing: what a machine is told
// follows from its own address alone, where callers that share one (behind a proxy) are told apart in stock-claim.ts.
// A machine's own address is that of its last check-in, which its record has: all servers of the store agree on it.
//
// The file that decides whether a caller is the machine that lives, by what both come with:
//
//     caller \ the machine lives       without token or boot_id    without token, with boot_id   with its own token
//     its proven token                 it is, always               it is, always                 it is, always
//     a token that was given in its    this file                   claims.ts, and this file      claims.ts
//       name, and never beat
//     enrolment token, boot secret,    this file                   claims.ts, and this file      claims.ts
//       operator's token
//     none, with a boot_id             this file                   claims.ts                     never
//     none, without a boot_id          this file, and from its     claims.ts, and this file      never
//                                      address stock-claim.ts
//     none, where nobody needs one     stock-claim.ts if neither states a boot, else claims.ts
//
// "Never" is refuseBesideToken of claims.ts, while the machine is heard; until it may have been heard, this file.
import { endedAt, type Machine } from '../../model/machine.ts';
import type { Principal } from '../access/principal.ts';
import { isReporting } from '../rules/decide.ts';
import { isOfOlderServer } from '../rules/record/sender.ts';
import { silentMs } from '../running/liveness/stock-rhythm.ts';
import { conflictAt, recordTwoLive } from './conflicts.ts';
import { inUse, keptOut } from './in-use.ts';
import type { Recognition } from './recognition.ts';
import { addressOf, stockName, type StockClaimServices } from './stock-claim.ts';

/** Errors: AppError `identity.in-use` for a stranger that has to wait; `store.*`. */
export async function refuseStranger(
  s: StockClaimServices,
  machine: Machine,
  { request, showsLess: isLess = false }: Recognition,
  caller: Principal,
): Promise<void> {
  const address = addressOf(caller) ?? s.client?.address;
  if (address === undefined) return;
  const place = placeOf(machine, caller, address);
  if (place === 'home') return;
  if (caller.kind === 'stock' && (request.boot_id ?? null) !== null && statesBoot(s, machine))
    return;
  const reportedMs = await lastReport(s, machine);
  if (place === 'not known' && reportedMs === undefined) return;
  const { stock } = s.liveness;
  const isOutdone = machine.report?.shows_less === true && !isLess;
  const signMs = isOutdone ? undefined : (reportedMs ?? lastHeard(s, machine));
  if (signMs !== undefined && stock.strangers.hear(machine.id, address, signMs)) {
    const home = machine.report?.from_address;
    const not = home === undefined ? '' : ` and not the one at ${home},`;
    const who = `${stockName(request)}, at ${address},${not}`;
    await recordTwoLive(s, machine.id, who, address);
  }
  const isSilent = isOutdone || (signMs === undefined && !mayBeHeardYet(s, machine));
  if (!isSilent) throw inUse(s.liveness, machine.id);
  const conflict = await conflictAt(s, machine.id, address);
  if (conflict !== undefined) throw keptOut(s.liveness, conflict, address);
  stock.forget(machine.id);
}

/** The place of a caller, as the machine's agent has one that counts: without a token it is known by its address. */
function placeOf(
  machine: Machine,
  { kind }: Principal,
  address: string,
): 'home' | 'elsewhere' | 'not known' {
  const { from_address: from } = machine.report ?? {};
  if (kind === 'anyone') return 'home';
  if (from !== undefined) return from === address ? 'home' : 'elsewhere';
  if (isOfOlderServer(machine)) return 'not known';
  const hasToken = (machine.token_sha256 ?? []).length > 0;
  return hasToken && kind === 'stock' ? 'elsewhere' : 'home';
}

/** True of a machine without a token whose boots tell themselves apart: see claims.ts. */
function statesBoot({ liveness }: StockClaimServices, { id, report }: Machine): boolean {
  if (report?.from_address === undefined) return false;
  const heard = liveness.get(id);
  return (heard === undefined ? (report?.boot_id ?? null) : heard.bootId) !== null;
}

/** True while the silence of a machine says nothing, as the server just started. A boot that beats does so in the rhythm of
 *  the fleet. */
function mayBeHeardYet({ liveness }: StockClaimServices, { id, report }: Machine): boolean {
  const beats = (report?.boot_id ?? null) !== null;
  return liveness.stock.isNew || (beats && liveness.of(id, true) === null);
}

/** The last report of late on the machine's workflow, on the monotonic clock: an agent that runs one does not check in.
 *  That somebody asked for its boot script is no sign of life. */
async function lastReport(s: StockClaimServices, machine: Machine): Promise<number | undefined> {
  const { current_workflow: id } = machine.status;
  const workflow = id === null ? undefined : (await s.store.workflows.get(id))?.value;
  const now = s.clock.now();
  if (workflow === undefined || !isReporting(workflow, now)) return undefined;
  const ageMs = now.getTime() - Date.parse(workflow.status?.lastEventAt ?? '');
  return s.clock.elapsedMs() - Math.max(0, ageMs);
}

/** The last time that a machine was heard which is not late, on the monotonic clock. One at its own address that has to wait
 *  is heard as well. */
function lastHeard(s: StockClaimServices, machine: Machine): number | undefined {
  const { id, report } = machine;
  if (s.liveness.claims(id, {}, 'heard') !== 'unopposed') return s.liveness.get(id)?.seenMs;
  const { from_address: home } = report ?? {};
  const waited = home === undefined ? undefined : s.liveness.stock.lastFrom(id, home);
  return waited ?? lastWritten(s, machine);
}

/** The last sign of life of late that the record has: the end of its last workflow, since an agent that goes on checks in
 *  only then; and a check-in of a machine without boots, of which another server has not told yet. */
function lastWritten({ clock }: StockClaimServices, { status, report }: Machine) {
  const isHome = report?.from_address !== undefined && (report.boot_id ?? null) === null;
  const times = [endedAt(status.last_workflow_result), isHome ? status.last_seen : undefined];
  // As with reports, the clock may have been set.
  const ages = times.map((at) => Math.abs(clock.now().getTime() - Date.parse(at ?? '')));
  const ageMs = Math.min(...ages.filter((age) => age <= silentMs));
  return Number.isFinite(ageMs) ? clock.elapsedMs() - ageMs : undefined;
}
