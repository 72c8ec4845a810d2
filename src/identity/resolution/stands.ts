// The traits that a check-in shows beside those of a machine: each agrees, differs or is unknown. Pure.
import type { Machine } from '../../model/machine.ts';
import { isStock, type Evidence } from '../evidence.ts';
import { isJunkMac } from '../macs.ts';
import { uuidPlaceholder } from '../placeholders.ts';
import type { Traits } from '../traits.ts';
import { swapUuid } from '../uuid.ts';

/** A trait of a check-in beside the machine's. Unknown: one of the two does not have it. */
export type Stand = 'agrees' | 'differs' | 'unknown';

export interface Stands {
  /** Serial number of system or board. */
  readonly serial: Stand;
  /** That of the board, by which the nodes of one chassis are told apart. */
  readonly boardSerial: Stand;
  readonly uuid: Stand;
  readonly product: Stand;
  /** Local disks, by serial number or WWN: one of them agrees, or all differ. */
  readonly disks: Stand;
  /** Memory modules by serial number, likewise. */
  readonly modules: Stand;
  readonly installation: Stand;
  /** Ports other than the primary one. */
  readonly ports: Stand;
  readonly primary: Stand;
  /** Processor, size of memory, kinds of disk: the majority of the three. */
  readonly build: Stand;
}

export function standsOf(
  shown: Evidence,
  { identity }: Machine,
  known: Traits,
  sharedUuids: ReadonlySet<string>,
): Stands {
  const { traits } = shown;
  const ownPorts = (macs: readonly string[] | undefined): string[] =>
    (macs ?? []).filter((mac) => mac !== shown.primaryMac && !isJunkMac(mac));
  return {
    serial: standOfSerials(traits, known),
    boardSerial: stand(traits.boardSerial, known.boardSerial),
    uuid: standOfUuids(shown.smbiosUuid, identity.smbios_uuid, sharedUuids),
    product: stand(traits.product, known.product),
    disks: standOfLists(traits.disks, known.disks),
    modules: standOfLists(traits.modules, known.modules),
    installation: stand(shown.machineId ?? undefined, identity.machine_id ?? undefined),
    ports: standOfLists(ownPorts(shown.macs), ownPorts(identity.all_macs)),
    primary: shown.macs?.length === 0 ? 'unknown' : stand(shown.primaryMac, identity.primary_mac),
    build: standOfBuild(traits, known, isStock(shown) ? 2 : 1),
  };
}

function stand<T>(shown: T | undefined, known: T | undefined): Stand {
  if (shown === undefined || known === undefined) return 'unknown';
  return shown === known ? 'agrees' : 'differs';
}

/** That of the system stays when its board is replaced. That of the board alone says nothing beside another one of
 *  the system: some makers give it to a whole model line. */
function standOfSerials(shown: Traits, known: Traits): Stand {
  const system = stand(shown.systemSerial, known.systemSerial);
  const board = stand(shown.boardSerial, known.boardSerial);
  if (system === 'unknown') return board;
  return system === 'differs' && board === 'agrees' ? 'unknown' : system;
}

export function standOfLists(shown: readonly string[], known: readonly string[]): Stand {
  if (shown.length === 0 || known.length === 0) return 'unknown';
  // Most machines show first what they showed first before.
  if (shown[0] === known[0]) return 'agrees';
  const all = new Set(known);
  return shown.some((item) => all.has(item)) ? 'agrees' : 'differs';
}

/** Some firmware updates swap the byte order. */
export function standOfUuids(
  shown: string | null,
  stored: string | null,
  sharedUuids: ReadonlySet<string>,
): Stand {
  const known = stored?.toLowerCase() ?? '';
  if (shown === null || uuidPlaceholder(known) !== undefined) return 'unknown';
  if (sharedUuids.has(known) || sharedUuids.has(shown)) return 'unknown';
  return shown === known || swapUuid(shown) === known ? 'agrees' : 'differs';
}

/** A single part that differs is an upgrade if the rest agrees. `least`: fewer differences than this never
 *  count against the machine. */
function standOfBuild(shown: Traits, known: Traits, least: number): Stand {
  const stands = [
    stand(shown.cpuModel, known.cpuModel),
    stand(shown.memoryBytes, known.memoryBytes),
    standOfLists(shown.kinds, known.kinds),
  ];
  const count = (which: Stand): number => stands.filter((s) => s === which).length;
  const differs = count('differs');
  if (differs >= least && differs > count('agrees')) return 'differs';
  return count('agrees') > 0 ? 'agrees' : 'unknown';
}
