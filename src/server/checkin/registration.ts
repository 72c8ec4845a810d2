// A check-in becomes a stored machine: found again or new, exactly once, however many requests and
// servers there are.
import { v7 } from 'uuid';
import { systemClock, type Clock } from '../../core/clock.ts';
import { isAppError } from '../../core/errors.ts';
import { evidenceOf, type Evidence } from '../../identity/evidence.ts';
import { resolve, type Known, type Resolution } from '../../identity/resolve.ts';
import type { CheckinRequest } from '../../model/api.ts';
import type { MatchedBy } from '../../model/history.ts';
import type { IdentityConflict } from '../../model/history.ts';
import type { AgentReport, Machine } from '../../model/machine.ts';
import type { Clue, Sighting, Store, Versioned } from '../../store/store.ts';
import {
  changesBetween,
  newMachine,
  returningMachine,
  saysTheSame,
} from '../rules/machine-record.ts';

export interface RegistrationOptions {
  readonly clock?: Clock;
  readonly newId?: () => string;
  /** Changes the record in the commit that registers it. Not called for a repeat of the last check-in. */
  readonly amend?: (machine: Machine) => Machine;
  /** Whether another boot of a machine was heard after the one that checks in had started: asked of a
   *  machine that evidence alone points at. It throws where only time can tell. */
  readonly isAliveElsewhere?: (machineId: string) => boolean;
  /** A machine that returns unchanged is written again when its stored last_seen is older. */
  readonly lastSeenEveryMs?: number;
}

export interface Registration {
  readonly machine: Versioned<Machine>;
  readonly isNew: boolean;
  readonly matchedBy: MatchedBy;
  /** What matched and what did not, in sentences. */
  readonly evidence: readonly string[];
  /** The conflict that this check-in raised. */
  readonly conflict: IdentityConflict | undefined;
  /** A repeat of the last check-in: answered as before, nothing done. */
  readonly repeated: boolean;
}

/** How many machines with one clue are looked at; more make no difference. */
const sightingLimit = 8;
/** How many machines are looked at for one check-in; evidence for more than one is ambiguous anyway. */
const candidateLimit = 32;
/** Of all that write one record at the same time one succeeds, so nobody waits for longer than this
 *  many others. */
const maxAttempts = 100;
const fiveMinutesMs = 300_000;

/** Finds or makes the machine of a check-in. Unchanged machines cost no write.
 *  Errors: AppError `request.invalid`, `identity.mismatch`, and those of the store. */
export async function register(
  store: Store,
  request: CheckinRequest,
  options: RegistrationOptions = {},
): Promise<Registration> {
  const { clock = systemClock } = options;
  const shown = evidenceOf(request);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await registerOnce(store, shown, request, { ...options, clock });
    } catch (err) {
      if (!isAppError(err, 'store.conflict') || attempt >= maxAttempts) throw err;
    }
  }
}

const unchanged = (machine: Machine): Machine => machine;

type Context = RegistrationOptions & { readonly clock: Clock };

async function registerOnce(
  store: Store,
  shown: Evidence,
  request: CheckinRequest,
  context: Context,
): Promise<Registration> {
  const { known, records, sightings } = await lookUp(store, shown);
  const resolution = resolveWithLiveness(shown, known, context);
  const found = resolution.machineId === undefined ? undefined : records.get(resolution.machineId);
  return found === undefined
    ? create(store, shown, request, resolution, sightings, context)
    : update(store, shown, request, resolution, found, context);
}

/** Evidence that points at a machine which is alive elsewhere points at two machines. */
function resolveWithLiveness(
  shown: Evidence,
  known: Known,
  { isAliveElsewhere = () => false }: Context,
): Resolution {
  const resolution = resolve(shown, known);
  const { machineId, matchedBy } = resolution;
  if (machineId === undefined || matchedBy !== 'evidence') return resolution;
  return isAliveElsewhere(machineId)
    ? resolve(shown, { ...known, alive: new Set([machineId]) })
    : resolution;
}

interface LookUp {
  readonly known: Known;
  readonly records: ReadonlyMap<string, Versioned<Machine>>;
  /** What must not have been seen anew when a machine is made. */
  readonly sightings: readonly Sighting[];
}

/** Asks the store for everything that `resolve` weighs; most check-ins end at the first question. */
async function lookUp(store: Store, shown: Evidence): Promise<LookUp> {
  const [byHash] = await store.machines.find([{ identityHash: shown.identityHash }], sightingLimit);
  const hashIds = byHash?.machineIds ?? [];
  const twins = await readMachines(store, hashIds);
  if (byHash === undefined || twins.size > 0) {
    return { known: knownOf({ byHash: hashIds }, twins), records: twins, sightings: [] };
  }
  const macs = [...new Set([shown.primaryMac, ...(shown.macs ?? [])])];
  const clues: Clue[] = [{ primaryMac: shown.primaryMac }, ...macs.map((mac) => ({ mac }))];
  if (shown.smbiosUuid !== null) clues.push({ smbiosUuid: shown.smbiosUuid });
  const [byPrimaryMac, ...rest] = await store.machines.find(clues, sightingLimit);
  const byMac = new Map(macs.map((mac, i) => [mac, rest[i]?.machineIds ?? []]));
  const bySmbiosUuid = rest[macs.length]?.machineIds ?? [];
  const primaryIds = byPrimaryMac?.machineIds ?? [];
  // What several machines have is no evidence, so nobody needs to look at them.
  const singles = [...byMac.values(), bySmbiosUuid].filter((ids) => ids.length === 1).flat();
  const ids = [...new Set([...primaryIds, ...singles])].slice(0, candidateLimit);
  const records = await readMachines(store, ids);
  const sharedUuids = await sharedUuidsOf(store, records);
  return {
    known: knownOf({ byPrimaryMac: primaryIds, byMac, bySmbiosUuid, sharedUuids }, records),
    records,
    // Where there are that many already, the identity hash alone guards against a second record.
    sightings: [byHash, byPrimaryMac]
      .filter((s) => s !== undefined)
      .filter((s) => s.machineIds.length < sightingLimit),
  };
}

function knownOf(
  some: Partial<Omit<Known, 'machines' | 'alive'>>,
  records: ReadonlyMap<string, Versioned<Machine>>,
): Known {
  return {
    byHash: [],
    byPrimaryMac: [],
    byMac: new Map(),
    bySmbiosUuid: [],
    sharedUuids: new Set(),
    alive: new Set(),
    ...some,
    machines: new Map([...records].map(([id, record]) => [id, record.value])),
  };
}

async function readMachines(
  store: Store,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Versioned<Machine>>> {
  const records = await Promise.all(ids.map((id) => store.machines.get(id)));
  return new Map(records.filter((r) => r !== undefined).map((r) => [r.value.id, r]));
}

async function sharedUuidsOf(
  store: Store,
  records: ReadonlyMap<string, Versioned<Machine>>,
): Promise<ReadonlySet<string>> {
  const uuids = [...records.values()].flatMap((r) => r.value.identity.smbios_uuid ?? []);
  if (uuids.length === 0) return new Set();
  const found = await store.machines.find(
    uuids.map((smbiosUuid) => ({ smbiosUuid })),
    2,
  );
  return new Set(uuids.filter((_, i) => (found[i]?.machineIds.length ?? 0) > 1));
}

async function create(
  store: Store,
  shown: Evidence,
  request: CheckinRequest,
  resolution: Resolution,
  sightings: readonly Sighting[],
  { clock, newId = v7, amend = unchanged }: Context,
): Promise<Registration> {
  const at = clock.now().toISOString();
  const machine = amend(newMachine(newId(), shown, request, resolution, at));
  const conflict = conflictOf(machine.id, resolution, newId, at);
  const revision = await store.machines.put(machine, 'absent', {
    unlessSeen: sightings,
    ...(conflict === undefined ? {} : { conflict }),
  });
  return {
    machine: { value: machine, revision },
    isNew: true,
    matchedBy: resolution.matchedBy,
    evidence: resolution.evidence,
    conflict,
    repeated: false,
  };
}

async function update(
  store: Store,
  shown: Evidence,
  request: CheckinRequest,
  resolution: Resolution,
  found: Versioned<Machine>,
  { clock, newId = v7, amend = unchanged, lastSeenEveryMs = fiveMinutesMs }: Context,
): Promise<Registration> {
  const last = found.value.report;
  if (last !== undefined && isRepeat(shown, last)) return answerAgain(found, last);
  const now = clock.now();
  const at = now.toISOString();
  const conflict = (await isKnownConflict(store, found.value.id, resolution))
    ? undefined
    : conflictOf(found.value.id, resolution, newId, at);
  const told = amend(returningMachine(found.value, shown, request, resolution, at));
  const same = saysTheSame(found.value, told);
  const answer = {
    isNew: false,
    matchedBy: resolution.matchedBy,
    evidence: resolution.evidence,
    conflict,
    repeated: false,
  };
  const seenMs = Date.parse(found.value.status.last_seen ?? '');
  if (same && conflict === undefined && now.getTime() - seenMs < lastSeenEveryMs) {
    return { ...answer, machine: found };
  }
  const machine: Machine = {
    ...told,
    status: { ...told.status, last_seen: at },
    metadata: same ? told.metadata : { ...told.metadata, updated_at: at },
  };
  const revision = await store.machines.put(
    machine,
    { revision: found.revision },
    {
      changes: changesBetween(found.value, told, at),
      ...(conflict === undefined ? {} : { conflict }),
    },
  );
  return { ...answer, machine: { value: machine, revision } };
}

function isRepeat(shown: Evidence, last: AgentReport): boolean {
  return (
    shown.bootId !== null &&
    shown.sequence !== null &&
    shown.bootId === last.boot_id &&
    shown.sequence === last.sequence
  );
}

function answerAgain(machine: Versioned<Machine>, last: AgentReport): Registration {
  return {
    machine,
    isNew: last.is_new ?? false,
    matchedBy: last.matched_by,
    evidence: last.evidence,
    conflict: undefined,
    repeated: true,
  };
}

function conflictOf(
  machineId: string,
  { doubt }: Resolution,
  newId: () => string,
  at: string,
): IdentityConflict | undefined {
  if (doubt === undefined) return undefined;
  const { reason, candidates } = doubt;
  return {
    id: newId(),
    machine_id: machineId,
    reason,
    candidates: [...candidates],
    created_at: at,
    resolution: null,
  };
}

/** Whether an operator has been told already. */
async function isKnownConflict(
  store: Store,
  machineId: string,
  { doubt }: Resolution,
): Promise<boolean> {
  if (doubt === undefined) return false;
  const { items } = await store.conflicts.listBy('machine', machineId);
  return items.some(({ value }) => value.machine_id === machineId && value.reason === doubt.reason);
}
