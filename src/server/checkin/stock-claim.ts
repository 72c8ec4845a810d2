// Two machines behind one identity whose stock agents send no boot_id: told apart by what their check-ins show, by
// their rhythm, and by the workflow that runs on one of them. One at another address than the machine's own is dealt
// with before: see stranger.ts.
import { isStock } from '../../identity/evidence.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { Machine } from '../../model/machine.ts';
import type { Principal } from '../access/principal.ts';
import { isInterrupted } from '../rules/decide.ts';
import type { Client } from '../running/limits.ts';
import type { Liveness } from '../running/liveness/liveness.ts';
import { isSame, shownBy, type Shown, type StockClaim } from '../running/liveness/stock-claims.ts';
import { recordTwoLive, type ConflictServices } from './conflicts.ts';
import { inUse } from './in-use.ts';
import type { Recognition } from './recognition.ts';

export interface StockClaimServices extends ConflictServices {
  readonly liveness: Liveness;
  /** Where the check-in came from. Left out: it is not known. */
  readonly client?: Pick<Client, 'address'>;
}

/** True if another machine claims, or seems to claim, to be the one that a stock agent speaks for. Errors: AppError
 *  `identity.in-use` if the caller has to wait; `store.*`. */
export async function isClaimedByTwo(
  s: StockClaimServices,
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
  s: StockClaimServices,
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

export function stockName({ hostname, ip_address, cpu_model }: Omit<Shown, 'disks'>): string {
  const told = [hostname, ip_address, cpu_model].filter((text) => (text ?? null) !== null);
  return `the one that calls itself ${told.join(', ') || 'nothing'}`;
}

function likeName(request: CheckinRequest, others: readonly string[]): string {
  const from = others.length === 0 ? '' : `, at ${others.join(' and ')}`;
  return `one that shows the same as ${stockName(request)}${from}`;
}
