// Which machine a check-in comes from. Pure: the store's answers go in, a decision and its reasons
// come out. Two machines are never merged silently.
import type { IdentityConflict, MatchedBy } from '../model/history.ts';
import type { Machine } from '../model/machine.ts';
import type { Evidence } from './evidence.ts';
import { uuidPlaceholder } from './placeholders.ts';

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
  /** Machines of which another boot was heard after the one that checks in had started. */
  readonly alive: ReadonlySet<string>;
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
  const match = bestTwin(shown, twins);
  if (match === undefined) return undefined;
  const evidence = ['The identity hash is that of this machine.'];
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

/** Of several machines with one hash, the one in the same boot, else with the same primary MAC, else
 *  the oldest. */
function bestTwin(shown: Evidence, twins: readonly Machine[]): Machine | undefined {
  return (
    twins.find((m) => shown.bootId !== null && m.report?.boot_id === shown.bootId) ??
    twins.find((m) => m.identity.primary_mac === shown.primaryMac) ??
    twins[0]
  );
}

function byPrimaryMac(shown: Evidence, known: Known): Resolution | undefined {
  const sharers = known.byMac.get(shown.primaryMac) ?? [];
  const [owner, ...others] = machinesOf(known.byPrimaryMac, known);
  if (owner === undefined || others.length > 0 || sharers.length > 1) return undefined;
  const evidence = [
    `The primary MAC ${shown.primaryMac} is that of this machine.`,
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
  const against = machine === undefined ? [] : contradictions(shown, machine, known);
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

/** The machines that a MAC or the SMBIOS UUID points at alone, and what points at several. */
function collectCandidates(
  shown: Evidence,
  known: Known,
): { candidates: Candidate[]; ignored: string[] } {
  const reasons = new Map<string, string[]>();
  const ignored: string[] = [];
  const weigh = (ids: readonly string[], what: string): void => {
    const [id, ...others] = ids;
    if (id === undefined) return;
    if (others.length > 0) ignored.push(`Several machines have the ${what}: it is no evidence.`);
    else reasons.set(id, [...(reasons.get(id) ?? []), `has the ${what}`]);
  };
  for (const [mac, ids] of known.byMac) weigh(ids, `MAC ${mac}`);
  weigh(known.bySmbiosUuid, `SMBIOS UUID ${shown.smbiosUuid ?? ''}`);
  const candidates = [...reasons].map(([id, evidence]) => ({ machine_id: id, evidence }));
  return { candidates: candidates.slice(0, namedAtMost), ignored: ignored.slice(0, namedAtMost) };
}

/** What speaks against a machine, as endings of "it …". */
function contradictions(shown: Evidence, machine: Machine, known: Known): string[] {
  const uuid = machine.identity.smbios_uuid?.toLowerCase() ?? '';
  const against: string[] = [];
  const differs = shown.smbiosUuid !== null && shown.smbiosUuid !== uuid;
  if (differs && uuidPlaceholder(uuid) === undefined && !known.sharedUuids.has(uuid)) {
    against.push(`has another SMBIOS UUID, ${uuid}, than the ${shown.smbiosUuid} shown`);
  }
  if (goesOnInEarlierBoot(shown, machine)) against.push(twoBoots(shown, machine));
  if (known.alive.has(machine.id)) against.push('was alive while the one that checks in ran');
  return against;
}

/** Whether a boot goes on that was followed by another boot: a machine has one at a time, so two
 *  machines answer to this record. A late repeat of a request is no such sign. */
function goesOnInEarlierBoot(shown: Evidence, machine: Machine): boolean {
  const { bootId, sequence } = shown;
  const earlier = machine.report?.earlier_boots ?? [];
  const boot = earlier.find((b) => b.boot_id === bootId);
  return boot !== undefined && sequence !== null && sequence > (boot.sequence ?? 0);
}

/** Whether two machines took turns on one network adapter (a dock's): another board, other ports and
 *  another installation. A board that was replaced keeps its disk or its add-in cards. */
function nothingElseAgrees(shown: Evidence, { identity }: Machine): boolean {
  const otherBoard =
    shown.smbiosUuid !== null &&
    uuidPlaceholder(identity.smbios_uuid ?? '') === undefined &&
    identity.smbios_uuid?.toLowerCase() !== shown.smbiosUuid;
  const ports = (shown.macs ?? []).filter((mac) => mac !== shown.primaryMac);
  const knownPorts = identity.all_macs.filter((mac) => mac !== shown.primaryMac);
  const otherPorts =
    ports.length > 0 && knownPorts.length > 0 && !ports.some((mac) => knownPorts.includes(mac));
  const sameInstallation = shown.machineId !== null && shown.machineId === identity.machine_id;
  return otherBoard && otherPorts && !sameInstallation;
}

function twoBoots(shown: Evidence, machine: Machine): string {
  const current = machine.report?.boot_id ?? '';
  return `is in boot ${current}, while the check-in is from boot ${shown.bootId ?? ''}, which goes on`;
}

function differences(shown: Evidence, machine: Machine): string[] {
  const { smbios_uuid: uuid, machine_id: id, all_macs: macs } = machine.identity;
  const said: string[] = [];
  if (shown.smbiosUuid !== null && uuid !== null && shown.smbiosUuid !== uuid) {
    said.push(`Its SMBIOS UUID was ${uuid} and is ${shown.smbiosUuid} now.`);
  }
  if (shown.machineId !== null && id !== null && shown.machineId !== id) {
    said.push('Its machine-id is another one: it was installed again.');
  }
  const gone = shown.macs === undefined ? [] : macs.filter((mac) => !shown.macs?.includes(mac));
  const added = (shown.macs ?? []).filter((mac) => !macs.includes(mac));
  if (gone.length > 0) said.push(`These MACs are gone: ${gone.join(', ')}.`);
  if (added.length > 0) said.push(`These MACs are new: ${added.join(', ')}.`);
  return said;
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
