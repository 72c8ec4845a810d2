// The memory of recognising machines: their changes, and conflicts of identity. Stored beside the Machine
// records, never in them.
import { Type, type Static } from 'typebox';
import { Timestamp } from './fields.ts';

const Shown = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);

/** The means by which a check-in was recognised. */
export const MatchedBy = Type.Enum(['identity_hash', 'primary_mac', 'evidence', 'new']);
export type MatchedBy = Static<typeof MatchedBy>;

/** A change in a returning machine. `before` null: added; `after` null: gone. */
export const MachineChange = Type.Object({
  at: Timestamp,
  what: Type.String({
    description: 'primary_mac, mac, smbios_uuid, disk, gpu, existing_os, token, …',
  }),
  before: Shown,
  after: Shown,
  by: Type.Optional(Type.String({ description: 'ours: the operator, where one did it' })),
});
export type MachineChange = Static<typeof MachineChange>;

/** The last changes of a machine, newest first. */
export const MachineHistory = Type.Object({
  machine_id: Type.String(),
  changes: Type.Array(MachineChange),
});
export type MachineHistory = Static<typeof MachineHistory>;

/** Limits for the changes kept for a machine, and for those of its token, which every network boot
 *  changes. */
const keptChanges = 50;
const keptTokenChanges = 10;

/** The changes that are kept, of all with the newest first. */
export function recentChanges(changes: readonly MachineChange[]): MachineChange[] {
  let ofTokens = 0;
  return changes
    .filter(({ what }) => what !== 'token' || (ofTokens += 1) <= keptTokenChanges)
    .slice(0, keptChanges);
}

/** A check-in whose evidence pointed at several machines or contradicted itself. `machine_id` is the
 *  machine that the check-in was answered as; it may be one of the candidates. */
export const IdentityConflict = Type.Object({
  id: Type.String({ description: 'UUIDv7' }),
  machine_id: Type.String(),
  reason: Type.Enum(['ambiguous', 'contradicted', 'indistinguishable']),
  candidates: Type.Array(
    Type.Object({
      machine_id: Type.String(),
      evidence: Type.Array(Type.String(), { description: 'in sentences' }),
    }),
  ),
  created_at: Timestamp,
  refused_addresses: Type.Optional(
    Type.Array(Type.String(), {
      description:
        "callers at these addresses without the machine's own token are not taken for it while the conflict is open, and where it is decided as split or for another address",
    }),
  ),
  /** null while it is open. accepted: it was one of the candidates, and was merged into it, or there is one machine
   *  alone; split: it is a machine of its own. */
  resolution: Type.Union([
    Type.Null(),
    Type.Object({
      decision: Type.Enum(['accepted', 'split']),
      into: Type.Union([Type.String(), Type.Null()]),
      address: Type.Optional(
        Type.String({ description: 'where the machine is; those refused are others, for good' }),
      ),
      at: Timestamp,
    }),
  ]),
});
export type IdentityConflict = Static<typeof IdentityConflict>;
