// Recognises the machine behind a check-in: takes its evidence, looks that up in the store, and resolves it.
// Most check-ins need a single lookup.
import { evidenceOf, type Evidence } from '../../identity/evidence.ts';
import type { Known } from '../../identity/resolution/known.ts';
import { resolve } from '../../identity/resolution/resolve.ts';
import {
  isKnownWithoutAddress,
  showsLess,
  weigh,
  type Weight,
} from '../../identity/resolution/weigh.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { Machine } from '../../model/machine.ts';
import type { Sighting, Store, Versioned } from '../../store/store.ts';
import type { Sighted } from '../rules/machine-record.ts';

/** The most machines with one clue that are examined: boards with one default MAC, for one. */
const sightingLimit = 64;
/** The most machines with one hash that are gone through for the one that it is: an agent without a token comes
 *  every half minute, and would be a new machine each time. */
const twinLimit = 1024;
/** The most machines examined for one check-in; evidence for more than one is ambiguous anyway. */
const candidateLimit = 96;

const noUuids: ReadonlySet<string> = new Set();

type Records = ReadonlyMap<string, Versioned<Machine>>;

export interface Recognition extends Sighted {
  /** The machine that it was resolved to; undefined: a new one. */
  readonly found: Versioned<Machine> | undefined;
  /** The machine whose own token it came with. */
  readonly caller: string | undefined;
  /** True if it is known to say nothing that the machine's record does not say. */
  readonly tellsNothingNew?: boolean;
  /** Clues that nobody else may have got by the time a new machine is written. */
  readonly sightings: readonly Sighting[];
}

/** `alive`: machines that are known to be others than the one that checks in. `caller`: the machine whose
 *  own token it came with. Errors: AppError `request.invalid`, `identity.mismatch`, `store.*`. */
export async function recognise(
  store: Store,
  request: CheckinRequest,
  alive: ReadonlySet<string>,
  caller: string | undefined,
): Promise<Recognition> {
  const shown = evidenceOf(request);
  const { known, records, sightings } = await lookUp(store, shown, caller);
  const resolution = resolve(shown, { ...known, alive, caller });
  const found = records.get(resolution.machineId ?? '');
  const isOwn = found !== undefined && found.value.id === caller;
  const isLess = found !== undefined && !isOwn && showsLess(shown, found.value);
  return { request, shown, resolution, found, caller, sightings, showsLess: isLess };
}

interface LookUp {
  readonly known: Omit<Known, 'alive' | 'caller'>;
  readonly records: Records;
  readonly sightings: readonly Sighting[];
}

async function lookUp(store: Store, shown: Evidence, caller: string | undefined): Promise<LookUp> {
  const [byHash] = await store.machines.find([{ identityHash: shown.identityHash }], sightingLimit);
  const isNobodys = shown.macs?.length === 0;
  const withOwn = ownAmong(store, caller);
  const sameHash = await withOwn(
    byHash?.machineIds ?? [],
    (m) => m.identity.identity_hash === shown.identityHash,
  );
  const { twins, weights, isOne } = await twinsAmong(store, shown, sameHash);
  if (byHash === undefined || isOne) {
    // Another twin may turn out to be the machine.
    const sightings = byHash === undefined ? [] : guarding([byHash]);
    const known = knownOf({ byHash: [...twins.keys()], weights }, twins);
    return { known, records: twins, sightings };
  }
  const macs = isNobodys ? [] : [...new Set([shown.primaryMac, ...(shown.macs ?? [])])];
  const disks = shown.diskClues;
  const found = await store.machines.find(
    [
      { primaryMac: shown.primaryMac },
      ...macs.map((mac) => ({ mac })),
      ...disks.map((disk) => ({ disk })),
      ...(shown.smbiosUuid === null ? [] : [{ smbiosUuid: shown.smbiosUuid }]),
    ],
    sightingLimit,
  );
  const [primary, ...rest] = found;
  const guards = guarding([byHash, ...(primary === undefined || isNobodys ? [] : [primary])]);
  if (found.every(({ machineIds }) => machineIds.length === 0))
    return { ...nobody, sightings: guards };
  const primaryIds = await withOwn(
    primary?.machineIds ?? [],
    (m) => m.identity.primary_mac === shown.primaryMac,
  );
  const byMac = new Map(macs.map((mac, i) => [mac, rest[i]?.machineIds ?? []]));
  const byDisk = new Map(disks.map((disk, i) => [disk, rest[macs.length + i]?.machineIds ?? []]));
  const bySmbiosUuid = rest[macs.length + disks.length]?.machineIds ?? [];
  const others = [...byMac.values(), ...byDisk.values(), bySmbiosUuid];
  const byAnything = [primaryIds, ...others.toSorted(byLength)].flat();
  const ids = [...new Set(byAnything)].slice(0, candidateLimit);
  const records = await readMachines(store, ids);
  const sharedUuids = await sharedUuidsOf(store, records);
  const clues = isNobodys
    ? // Version 0.1.0 took such an address for the machine's own: then its body has to agree.
      { byMac: new Map([[shown.primaryMac, knownBodies(primaryIds, records, shown)]]) }
    : { byMac, byPrimaryMac: primaryIds };
  return {
    known: knownOf({ ...clues, byDisk, bySmbiosUuid, sharedUuids }, records),
    records,
    sightings: guards,
  };
}

const nobody = { known: knownOf({}, new Map()), records: new Map<string, never>() };

interface Twins {
  readonly twins: Records;
  readonly weights: ReadonlyMap<string, Weight>;
  /** One of them is the machine. */
  readonly isOne: boolean;
}

const noTwins: Twins = { twins: new Map(), weights: new Map(), isOne: false };

/** The machines with the same hash. Where more have it than are examined at once, the others are gone through until
 *  the machine is found. */
async function twinsAmong(store: Store, shown: Evidence, ids: readonly string[]): Promise<Twins> {
  const first = await readTwins(store, shown, ids);
  if (first.isOne || ids.length < sightingLimit) return first;
  const [all] = await store.machines.find([{ identityHash: shown.identityHash }], twinLimit);
  const others = (all?.machineIds ?? []).filter((id) => !ids.includes(id));
  for (let at = 0; at < others.length; at += sightingLimit) {
    const more = await readTwins(store, shown, others.slice(at, at + sightingLimit));
    if (more.isOne) return more;
  }
  return first;
}

async function readTwins(store: Store, shown: Evidence, ids: readonly string[]): Promise<Twins> {
  if (ids.length === 0) return noTwins;
  const sameHash = await readMachines(store, ids);
  const twins = shown.macs?.length === 0 ? agreeing(sameHash, shown) : sameHash;
  const weights = new Map([...twins].map(([id, { value }]) => [id, weigh(shown, value, noUuids)]));
  return { twins, weights, isOne: [...weights.values()].some(({ isSame }) => isSame) };
}

/** Adds the machine whose token was shown to those with a clue, if more have that than are examined. */
function ownAmong(store: Store, caller: string | undefined) {
  return async (
    ids: readonly string[],
    agrees: (machine: Machine) => boolean,
  ): Promise<readonly string[]> => {
    if (caller === undefined || ids.length < sightingLimit || ids.includes(caller)) return ids;
    const own = await store.machines.get(caller);
    return own !== undefined && agrees(own.value) ? [caller, ...ids] : ids;
  };
}

function knownBodies(ids: readonly string[], records: Records, shown: Evidence): string[] {
  return ids.filter((id) => {
    const record = records.get(id);
    return record !== undefined && isKnownWithoutAddress(shown, record.value);
  });
}

/** The clues that guard against a second record. A clue that very many machines have is none. */
function guarding(sightings: readonly Sighting[]): readonly Sighting[] {
  return sightings.filter(({ machineIds }) => machineIds.length < sightingLimit);
}

/** A hash over no MACs proves nothing: a whole model line may have it. Something else has to agree as well. */
function agreeing(records: Records, shown: Evidence): Records {
  return new Map([...records].filter(([, { value }]) => isKnownWithoutAddress(shown, value)));
}

/** The evidence shared by the fewest machines weighs most. */
function byLength(a: readonly string[], b: readonly string[]): number {
  return a.length - b.length;
}

function knownOf(some: Partial<Omit<Known, 'machines'>>, records: Records): LookUp['known'] {
  return {
    byHash: [],
    byPrimaryMac: [],
    byMac: new Map(),
    byDisk: new Map(),
    bySmbiosUuid: [],
    sharedUuids: new Set(),
    ...some,
    machines: new Map([...records].map(([id, record]) => [id, record.value])),
  };
}

async function readMachines(store: Store, ids: readonly string[]): Promise<Records> {
  const records = await Promise.all(ids.map((id) => store.machines.get(id)));
  return new Map(records.filter((r) => r !== undefined).map((r) => [r.value.id, r]));
}

async function sharedUuidsOf(store: Store, records: Records): Promise<ReadonlySet<string>> {
  const uuids = [...records.values()].flatMap((r) => r.value.identity.smbios_uuid ?? []);
  if (uuids.length === 0) return new Set();
  const found = await store.machines.find(
    uuids.map((smbiosUuid) => ({ smbiosUuid })),
    2,
  );
  return new Set(uuids.filter((_, i) => (found[i]?.machineIds.length ?? 0) > 1));
}
