// The machines that the store knows by the evidence of a check-in.
import type { Machine } from '../../model/machine.ts';
import type { Weight } from './weigh.ts';

/** The ids of the machines that the store knows by a check-in's evidence. */
export interface Known {
  readonly byHash: readonly string[];
  /** The machines whose primary MAC it is. */
  readonly byPrimaryMac: readonly string[];
  /** For each MAC shown, the machines that have it in any role. */
  readonly byMac: ReadonlyMap<string, readonly string[]>;
  /** For each disk shown that machines are found by, those that have it. */
  readonly byDisk: ReadonlyMap<string, readonly string[]>;
  readonly bySmbiosUuid: readonly string[];
  /** SMBIOS UUIDs of these machines that other machines have as well. */
  readonly sharedUuids: ReadonlySet<string>;
  /** Machines heard from another boot since the caller's kernel started. */
  readonly alive: ReadonlySet<string>;
  /** The machine whose own token came with the check-in. */
  readonly caller: string | undefined;
  readonly machines: ReadonlyMap<string, Machine>;
  /** The weights of those that were weighed already, with the same `sharedUuids`. Left out: none. */
  readonly weights?: ReadonlyMap<string, Weight>;
}

export function machinesOf(ids: readonly string[], known: Known): Machine[] {
  return ids.map((id) => known.machines.get(id)).filter((m) => m !== undefined);
}
