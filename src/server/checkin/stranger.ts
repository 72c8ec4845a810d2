// A caller without a token that checks in as a machine from another address than that one's own. All that a stock
// agent shows can be copied, its address cannot; but a machine may get another one.
//
//     the machine                              the stranger
//     is silent until it is late               is the machine, which moved
//     is silent, and an open conflict names    waits until an operator has decided
//       the stranger's address
//     showed less than the stranger does       is the machine
//     was heard of late                        waits; with a conflict once both are heard in turn
//     reported its workflow of late            waits, likewise
//     may be heard yet: the server just        waits
//       started
//
// A stranger that waits is told nothing and leaves nothing behind, so it costs the machine nothing: what a machine is told
// follows from its own address alone, where callers that share one (behind a proxy) are told apart in stock-claim.ts.
// A machine's own address is the one that is heard longest; when none is, that of its last check-in.
import type { Machine } from '../../model/machine.ts';
import type { Principal } from '../access/principal.ts';
import { isReporting } from '../rules/decide.ts';
import { isRefusedAt, recordTwoLive } from './conflicts.ts';
import { inUse } from './in-use.ts';
import type { Recognition } from './recognition.ts';
import { stockName, type StockClaimServices } from './stock-claim.ts';

/** Errors: AppError `identity.in-use` for a stranger that has to wait; `store.*`. */
export async function refuseStranger(
  s: StockClaimServices,
  machine: Machine,
  { request, showsLess: isLess = false }: Recognition,
  caller: Principal,
): Promise<void> {
  if (caller.kind !== 'stock' || !isElsewhere(s, machine, caller.address)) return;
  if (statesBoot(s, machine) && (request.boot_id ?? null) !== null) return;
  const { stock } = s.liveness;
  const isOutdone = machine.report?.shows_less === true && !isLess;
  const signMs = isOutdone ? undefined : await lastSign(s, machine);
  if (signMs !== undefined && stock.strangers.hear(machine.id, caller.address, signMs)) {
    const home = stock.homeOf(machine.id);
    const not = home === undefined ? '' : ` and not the one at ${home},`;
    const who = `${stockName(request)}, at ${caller.address},${not}`;
    await recordTwoLive(s, machine.id, who, caller.address);
  }
  const isSilent = isOutdone || (signMs === undefined && !stock.isNew);
  if (!isSilent || (await isRefusedAt(s, machine.id, caller.address))) {
    throw inUse(s.liveness, machine.id);
  }
  stock.forget(machine.id);
}

function isElsewhere(
  { liveness, auth }: StockClaimServices,
  machine: Machine,
  address: string,
): boolean {
  const home = liveness.stock.homeOf(machine.id);
  if (home !== undefined) return home !== address;
  return auth?.stock.isElsewhere(machine, address) === true;
}

/** True of a machine whose boots tell themselves apart: see claims.ts. */
function statesBoot({ liveness }: StockClaimServices, { id, report }: Machine): boolean {
  const heard = liveness.get(id);
  return (heard === undefined ? (report?.boot_id ?? null) : heard.bootId) !== null;
}

/** The last sign of life of a machine that is not late, on the monotonic clock. An agent that runs a workflow does not
 *  check in: its events are its signs. That somebody asked for its boot script is none. */
async function lastSign(s: StockClaimServices, machine: Machine): Promise<number | undefined> {
  const { current_workflow: id } = machine.status;
  const workflow = id === null ? undefined : (await s.store.workflows.get(id))?.value;
  const now = s.clock.now();
  if (workflow !== undefined && isReporting(workflow, now)) {
    const ageMs = now.getTime() - Date.parse(workflow.status?.lastEventAt ?? '');
    return s.clock.elapsedMs() - Math.max(0, ageMs);
  }
  const isHeard = s.liveness.claims(machine.id, {}, 'heard') !== 'unopposed';
  return isHeard ? s.liveness.get(machine.id)?.seenMs : undefined;
}
