// The machines that the clues of a check-in point at: MACs, disks and SMBIOS UUID. Pure.
import type { IdentityConflict } from '../../model/history.ts';
import type { Machine } from '../../model/machine.ts';
import type { Evidence } from '../evidence.ts';
import { machinesOf, type Known } from './known.ts';
import { isSameInstallation } from './last-checkin.ts';

export type Candidate = IdentityConflict['candidates'][number];

/** A check-in may show a thousand MACs; the first few machines and reasons are enough. */
const namedAtMost = 16;

interface PointedAt {
  readonly what: string;
  readonly ids: readonly string[];
}

/** The machines that a MAC, a disk or the SMBIOS UUID points at unambiguously. If there are none: among those
 *  that share a clue, the one with the same installation, or whose token was shown. */
export function collectCandidates(
  shown: Evidence,
  known: Known,
): { candidates: Candidate[]; ignored: string[] } {
  const clues: PointedAt[] = [
    ...[...known.byMac].map(([mac, ids]) => ({ what: `MAC ${mac}`, ids })),
    ...[...known.byDisk].map(([disk, ids]) => ({ what: `disk ${disk} bytes`, ids })),
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

/** Chooses among machines that share a clue: the one whose token was shown, else the only one that agrees. */
function theOne(
  sharers: readonly Machine[],
  caller: string | undefined,
  agrees: (machine: Machine) => boolean,
): Machine | undefined {
  const own = sharers.find((m) => m.id === caller);
  const [only, ...more] = sharers.filter(agrees);
  return own ?? (more.length === 0 ? only : undefined);
}

function candidatesOf(clues: readonly PointedAt[]): Candidate[] {
  const reasons = new Map<string, string[]>();
  for (const { what, ids } of clues) {
    for (const id of ids) reasons.set(id, [...(reasons.get(id) ?? []), `has the ${what}`]);
  }
  const candidates = [...reasons].map(([id, evidence]) => ({ machine_id: id, evidence }));
  return candidates.slice(0, namedAtMost);
}
