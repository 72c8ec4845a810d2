// Decides from the store's answers which machine a check-in comes from, with reasons. Pure. Never merges two
// machines silently.
import type { IdentityConflict, MatchedBy } from '../../model/history.ts';
import type { Machine } from '../../model/machine.ts';
import type { Evidence } from '../evidence.ts';
import { collectCandidates, type Candidate } from './candidates.ts';
import { machinesOf, type Known } from './known.ts';
import { differences, goesOnInEarlierBoot, twoBoots } from './last-checkin.ts';
import { isKnownBody, weigh, type Weight } from './weigh.ts';

export interface Doubt {
  readonly reason: IdentityConflict['reason'];
  readonly candidates: readonly Candidate[];
}

export interface Resolution {
  /** undefined: it is a new machine. */
  readonly machineId: string | undefined;
  readonly matchedBy: MatchedBy;
  /** Sentences that say what matched and what did not. */
  readonly evidence: string[];
  /** A doubt for an operator to decide. */
  readonly doubt?: Doubt;
}

/** Identity hash, then primary MAC, then any other evidence that points at exactly one machine and
 *  that nothing contradicts, then new.
 *  Source: storage-schema "Identity Resolution Algorithm"; the third step is this project's. */
export function resolve(shown: Evidence, known: Known): Resolution {
  return byIdentityHash(shown, known) ?? byPrimaryMac(shown, known) ?? byEvidence(shown, known);
}

/** An equal hash proves no more than what went into it, which may be one MAC. */
function byIdentityHash(shown: Evidence, known: Known): Resolution | undefined {
  const twins = weighed(shown, known.byHash, known);
  if (twins.length === 0) return undefined;
  const same = twins.filter(({ weight }) => weight.isSame);
  const match = bestTwin(shown, same, known.caller);
  if (match === undefined) {
    return newMachine(
      'contradicted',
      twins.map(({ machine, weight }) =>
        candidate(machine.id, 'has the same identity hash', ...weight.against),
      ),
    );
  }
  const evidence = ['The identity hash matches this machine.'];
  // Nothing tells such machines apart, so a new record each time would not either.
  const doubt = doubtOf(shown, match, same);
  if (doubt !== undefined) {
    evidence.push('Another machine with the same identity is alive; nothing tells them apart.');
  }
  return {
    machineId: match.machine.id,
    matchedBy: 'identity_hash',
    evidence,
    ...(doubt === undefined ? {} : { doubt }),
  };
}

interface Weighed {
  readonly machine: Machine;
  readonly weight: Weight;
}

function weighed(shown: Evidence, ids: readonly string[], known: Known): Weighed[] {
  return machinesOf(ids, known).map((machine) => ({
    machine,
    weight: known.weights?.get(machine.id) ?? weigh(shown, machine, known.sharedUuids),
  }));
}

function doubtOf(shown: Evidence, match: Weighed, same: readonly Weighed[]): Doubt | undefined {
  const equals = same.filter(({ weight }) => weight.agreeing >= match.weight.agreeing);
  if (equals.length > 1) {
    const sameHash = 'has the same identity hash';
    const candidates = equals.map(({ machine }) => candidate(machine.id, sameHash));
    return { reason: 'indistinguishable', candidates };
  }
  const { machine } = match;
  if (!goesOnInEarlierBoot(shown, machine)) return undefined;
  return {
    reason: 'indistinguishable',
    candidates: [candidate(machine.id, twoBoots(shown, machine))],
  };
}

/** Chooses among machines with one hash: the one whose token was shown, else the one in the same boot, else
 *  the one with the most traits in common; a tie goes to the same primary MAC, then to the oldest. */
function bestTwin(
  shown: Evidence,
  twins: readonly Weighed[],
  caller: string | undefined,
): Weighed | undefined {
  const most = Math.max(...twins.map(({ weight }) => weight.agreeing));
  const closest = twins.filter(({ weight }) => weight.agreeing === most);
  return (
    twins.find(({ machine }) => machine.id === caller) ??
    twins.find(
      ({ machine }) => shown.bootId !== null && machine.report?.boot_id === shown.bootId,
    ) ??
    closest.find(({ machine }) => machine.identity.primary_mac === shown.primaryMac) ??
    closest[0]
  );
}

function byPrimaryMac(shown: Evidence, known: Known): Resolution | undefined {
  const owners = weighed(shown, known.byPrimaryMac, known);
  const owner = ownerOf(shown, owners, known);
  if (owner === undefined) return undefined;
  const { machine } = owner;
  const doubted = againstOwner(shown, owner, known);
  if (doubted.length > 0) {
    return byOtherEvidence(shown, known) ?? newMachine('contradicted', doubted);
  }
  return {
    machineId: machine.id,
    matchedBy: 'primary_mac',
    evidence: [
      `The primary MAC ${shown.primaryMac} matches this machine.`,
      ...changesOf(shown, owner),
    ],
  };
}

/** The reasons why the owner of the primary MAC may not be the machine; empty if there are none. */
function againstOwner(
  shown: Evidence,
  owner: Weighed,
  { bySmbiosUuid: [uuidOwner, ...moreOwners] }: Known,
): Candidate[] {
  const { id } = owner.machine;
  const hasMac = `has the primary MAC ${shown.primaryMac}`;
  if (uuidOwner !== undefined && moreOwners.length === 0 && uuidOwner !== id) {
    return [
      candidate(id, hasMac),
      candidate(uuidOwner, `has the SMBIOS UUID ${shown.smbiosUuid ?? ''}`),
    ];
  }
  const against = contradictions(shown, owner);
  return against.length === 0 ? [] : [candidate(id, hasMac, ...against)];
}

/** The machine that has this primary MAC. If other machines list it too, the owner must not be contradicted;
 *  if several own it, one counts only if something else agrees as well. */
function ownerOf(shown: Evidence, owners: readonly Weighed[], known: Known): Weighed | undefined {
  const [sole, ...others] = owners;
  const isListed = (known.byMac.get(shown.primaryMac) ?? []).length > 1;
  if (sole === undefined || (others.length === 0 && !isListed)) return sole;
  const isFree = ({ machine, weight }: Weighed): boolean =>
    weight.isSame && !goesOnInEarlierBoot(shown, machine);
  const free = owners.filter(
    (owner) => isFree(owner) && (others.length === 0 || owner.weight.agreeing > 0),
  );
  const most = Math.max(...free.map(({ weight }) => weight.agreeing));
  const [closest, ...equals] = free.filter(({ weight }) => weight.agreeing === most);
  const own = owners.find(({ machine }) => machine.id === known.caller);
  return own ?? (equals.length === 0 ? closest : undefined);
}

function byEvidence(shown: Evidence, known: Known): Resolution {
  const { candidates, ignored } = collectCandidates(shown, known);
  const [only, ...more] = candidates;
  if (only === undefined) {
    return {
      machineId: undefined,
      matchedBy: 'new',
      evidence: ['No known machine has this identity hash or primary MAC.', ...ignored],
    };
  }
  const judged = candidates.map((c) => judge(c, shown, known));
  const [free, ...others] = judged.filter(({ against }) => against.length === 0);
  if (free === undefined || others.length > 0) {
    return newMachine(
      more.length > 0 ? 'ambiguous' : 'contradicted',
      judged.map(({ pointed, against }) => ({
        ...pointed,
        evidence: [...pointed.evidence, ...against],
      })),
      ignored,
    );
  }
  return {
    machineId: free.pointed.machine_id,
    matchedBy: 'evidence',
    evidence: [
      ...free.pointed.evidence.map((e) => `This machine ${e}.`),
      ...(free.found === undefined ? [] : changesOf(shown, free.found)),
      ...ignored,
    ],
  };
}

/** Where the primary MAC is another machine's: a dongle or a card that moved to one that is known by its body. */
function byOtherEvidence(shown: Evidence, known: Known): Resolution | undefined {
  const other = byEvidence(shown, known);
  const machine = known.machines.get(other.machineId ?? '');
  return machine !== undefined && isKnownBody(shown, machine) ? other : undefined;
}

interface Judged {
  readonly pointed: Candidate;
  readonly found: Weighed | undefined;
  readonly against: readonly string[];
}

function judge(pointed: Candidate, shown: Evidence, known: Known): Judged {
  const [found] = weighed(shown, [pointed.machine_id], known);
  return {
    pointed,
    found,
    against: [
      ...(found === undefined ? [] : contradictions(shown, found)),
      ...(known.alive.has(pointed.machine_id) ? ['was alive while the caller was running'] : []),
    ],
  };
}

/** The changes since the last check-in and, in doubt, the reason why it is still the same machine: sentences. */
function changesOf(shown: Evidence, { machine, weight }: Weighed): string[] {
  const changes = differences(shown, machine);
  const isDoubtful = weight.against.length > 0;
  return isDoubtful ? [...changes, `It is the same machine, because ${weight.rule}.`] : changes;
}

/** The evidence against this machine, as endings of "it …". */
function contradictions(shown: Evidence, { machine, weight }: Weighed): string[] {
  return [
    ...(weight.isSame ? [] : weight.against),
    ...(goesOnInEarlierBoot(shown, machine) ? [twoBoots(shown, machine)] : []),
  ];
}

function newMachine(
  reason: Doubt['reason'],
  candidates: readonly Candidate[],
  ignored: readonly string[] = [],
): Resolution {
  const why =
    reason === 'ambiguous'
      ? 'The evidence points at several machines.'
      : 'The evidence contradicts itself.';
  const said = candidates.map((c) => `Machine ${c.machine_id} ${c.evidence.join(' and ')}.`);
  return {
    machineId: undefined,
    matchedBy: 'new',
    evidence: [why, ...said, ...ignored],
    doubt: { reason, candidates },
  };
}

function candidate(id: string, ...evidence: string[]): Candidate {
  return { machine_id: id, evidence };
}
