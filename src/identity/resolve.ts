// Resolves a check-in to a machine, from the store's answers to a decision with its reasons. Pure. Two machines
// are never merged silently.
import type { IdentityConflict, MatchedBy } from '../model/history.ts';
import type { Machine } from '../model/machine.ts';
import type { Evidence } from './evidence.ts';
import {
  agreesBeyondPrimaryMac,
  contradictions,
  differences,
  goesOnInEarlierBoot,
  isSameInstallation,
  nothingElseAgrees,
  twoBoots,
} from './weigh.ts';

/** What the store knows of a check-in's evidence: ids of machines. */
export interface Known {
  readonly byHash: readonly string[];
  /** The machines whose primary MAC it is. */
  readonly byPrimaryMac: readonly string[];
  /** For each MAC shown, the machines that have it in any role. */
  readonly byMac: ReadonlyMap<string, readonly string[]>;
  readonly bySmbiosUuid: readonly string[];
  /** SMBIOS UUIDs of these machines that other machines have as well. */
  readonly sharedUuids: ReadonlySet<string>;
  /** Machines heard from another boot since the caller's kernel started. */
  readonly alive: ReadonlySet<string>;
  /** The machine whose own token came with the check-in. */
  readonly caller: string | undefined;
  readonly machines: ReadonlyMap<string, Machine>;
}

type Candidate = IdentityConflict['candidates'][number];

export interface Doubt {
  readonly reason: IdentityConflict['reason'];
  readonly candidates: readonly Candidate[];
}

export interface Resolution {
  /** undefined: it is a new machine. */
  readonly machineId: string | undefined;
  readonly matchedBy: MatchedBy;
  /** What matched and what did not, in sentences. */
  readonly evidence: string[];
  /** What an operator has to look at. */
  readonly doubt?: Doubt;
}

/** A check-in may show a thousand MACs; the first few machines and reasons are enough to go by. */
const namedAtMost = 16;

/** Identity hash, then primary MAC, then any other evidence that points at exactly one machine and
 *  that nothing contradicts, then new.
 *  Source: storage-schema "Identity Resolution Algorithm"; the third step is this project's. */
export function resolve(shown: Evidence, known: Known): Resolution {
  return byIdentityHash(shown, known) ?? byPrimaryMac(shown, known) ?? byEvidence(shown, known);
}

function byIdentityHash(shown: Evidence, known: Known): Resolution | undefined {
  const twins = machinesOf(known.byHash, known);
  const match = bestTwin(shown, twins, known.caller);
  if (match === undefined) return undefined;
  const evidence = ['The identity hash matches this machine.'];
  // Nothing tells such machines apart, so a new record each time would not either.
  const sameHash = 'has the same identity hash';
  const doubt: Doubt | undefined =
    twins.length > 1
      ? { reason: 'indistinguishable', candidates: twins.map((m) => candidate(m.id, sameHash)) }
      : goesOnInEarlierBoot(shown, match)
        ? { reason: 'indistinguishable', candidates: [candidate(match.id, twoBoots(shown, match))] }
        : undefined;
  if (doubt !== undefined) {
    evidence.push('Another machine with the same identity is alive; nothing tells them apart.');
  }
  return {
    machineId: match.id,
    matchedBy: 'identity_hash',
    evidence,
    ...(doubt === undefined ? {} : { doubt }),
  };
}

/** Of several machines with one hash, the one whose token was shown, else the one in the same boot, else
 *  with the same primary MAC, else the oldest. */
function bestTwin(
  shown: Evidence,
  twins: readonly Machine[],
  caller: string | undefined,
): Machine | undefined {
  return (
    twins.find((m) => m.id === caller) ??
    twins.find((m) => shown.bootId !== null && m.report?.boot_id === shown.bootId) ??
    twins.find((m) => m.identity.primary_mac === shown.primaryMac) ??
    twins[0]
  );
}

function byPrimaryMac(shown: Evidence, known: Known): Resolution | undefined {
  const owners = machinesOf(known.byPrimaryMac, known);
  const owner = ownerOf(shown, owners, known);
  if (owner === undefined) return undefined;
  const evidence = [
    `The primary MAC ${shown.primaryMac} matches this machine.`,
    ...differences(shown, owner),
  ];
  const [uuidOwner, ...moreOwners] = known.bySmbiosUuid;
  if (uuidOwner !== undefined && moreOwners.length === 0 && uuidOwner !== owner.id) {
    return newMachine('contradicted', [
      candidate(owner.id, `has the primary MAC ${shown.primaryMac}`),
      candidate(uuidOwner, `has the SMBIOS UUID ${shown.smbiosUuid ?? ''}`),
    ]);
  }
  const against = [
    ...(goesOnInEarlierBoot(shown, owner) ? [twoBoots(shown, owner)] : []),
    ...(nothingElseAgrees(shown, owner) ? ['differs in everything else'] : []),
  ];
  if (against.length > 0) {
    return newMachine('contradicted', [
      candidate(owner.id, `has the primary MAC ${shown.primaryMac}`, ...against),
    ]);
  }
  return { machineId: owner.id, matchedBy: 'primary_mac', evidence };
}

/** The machine whose primary MAC it is. That others list it as well ends nobody's recognition, but then the
 *  one that has it must not be contradicted; of several, only one that something else speaks for counts. */
function ownerOf(shown: Evidence, owners: readonly Machine[], known: Known): Machine | undefined {
  const [sole, ...others] = owners;
  const isListed = (known.byMac.get(shown.primaryMac) ?? []).length > 1;
  if (sole === undefined || (others.length === 0 && !isListed)) return sole;
  const agrees = (m: Machine): boolean => agreesBeyondPrimaryMac(shown, m);
  const isFree = (m: Machine): boolean => contradictions(shown, m, known.sharedUuids).length === 0;
  return theOne(owners, known.caller, (m) =>
    others.length === 0 ? agrees(m) || isFree(m) : agrees(m) && isFree(m),
  );
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
  if (more.length > 0) return newMachine('ambiguous', candidates, ignored);
  const machine = known.machines.get(only.machine_id);
  const against = [
    ...(machine === undefined ? [] : contradictions(shown, machine, known.sharedUuids)),
    ...(known.alive.has(only.machine_id) ? ['was alive while the caller was running'] : []),
  ];
  if (against.length > 0) {
    return newMachine(
      'contradicted',
      [{ ...only, evidence: [...only.evidence, ...against] }],
      ignored,
    );
  }
  return {
    machineId: only.machine_id,
    matchedBy: 'evidence',
    evidence: [
      ...only.evidence.map((e) => `This machine ${e}.`),
      ...(machine === undefined ? [] : differences(shown, machine)),
      ...ignored,
    ],
  };
}

/** Of several machines that share a clue, the one whose token was shown, else the only one that agrees. */
function theOne(
  sharers: readonly Machine[],
  caller: string | undefined,
  agrees: (machine: Machine) => boolean,
): Machine | undefined {
  const own = sharers.find((m) => m.id === caller);
  const [only, ...more] = sharers.filter(agrees);
  return own ?? (more.length === 0 ? only : undefined);
}

interface PointedAt {
  readonly what: string;
  readonly ids: readonly string[];
}

/** The machines that a MAC or the SMBIOS UUID points at alone. Where none does, the sharer of a clue that is
 *  the same installation, or whose token was shown. */
function collectCandidates(
  shown: Evidence,
  known: Known,
): { candidates: Candidate[]; ignored: string[] } {
  const clues: PointedAt[] = [
    ...[...known.byMac].map(([mac, ids]) => ({ what: `MAC ${mac}`, ids })),
    { what: `SMBIOS UUID ${shown.smbiosUuid ?? ''}`, ids: known.bySmbiosUuid },
  ];
  const shared = clues.filter(({ ids }) => ids.length > 1);
  const alone = clues.filter(({ ids }) => ids.length === 1);
  const told =
    alone.length > 0 ? [] : shared.flatMap((clue) => tellApart(clue, shown, known) ?? []);
  const ignored = shared.filter(({ what }) => !told.some((t) => t.what === what));
  return {
    candidates: candidatesOf([...alone, ...told]),
    ignored: ignored
      .slice(0, namedAtMost)
      .map(({ what }) => `Several machines share the ${what}, so it is not evidence.`),
  };
}

function tellApart({ what, ids }: PointedAt, shown: Evidence, known: Known): PointedAt | undefined {
  const sharers = machinesOf(ids, known);
  const only = theOne(sharers, known.caller, (m) => isSameInstallation(shown, m));
  return only && { what, ids: [only.id] };
}

function candidatesOf(clues: readonly PointedAt[]): Candidate[] {
  const reasons = new Map<string, string[]>();
  for (const { what, ids } of clues) {
    for (const id of ids) reasons.set(id, [...(reasons.get(id) ?? []), `has the ${what}`]);
  }
  const candidates = [...reasons].map(([id, evidence]) => ({ machine_id: id, evidence }));
  return candidates.slice(0, namedAtMost);
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

function machinesOf(ids: readonly string[], known: Known): Machine[] {
  return ids.map((id) => known.machines.get(id)).filter((m) => m !== undefined);
}
