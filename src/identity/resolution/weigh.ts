// Weighs the traits that a check-in shows against those of a machine that something pointed at, and decides
// by one table of rules if they are the same machine. Pure.
import type { Machine } from '../../model/machine.ts';
import { isStock, type Evidence } from '../evidence.ts';
import { isJunkMac } from '../macs.ts';
import { uuidPlaceholder } from '../placeholders.ts';
import { traitsOf, type Traits } from '../traits.ts';
import { swapUuid } from '../uuid.ts';

/** A trait of a check-in beside the machine's. Unknown: one of the two does not have it. */
type Stand = 'agrees' | 'differs' | 'unknown';

interface Stands {
  /** Serial number of system or board. */
  readonly serial: Stand;
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

/** Serial number, SMBIOS UUID and product in one. */
function boardOf({ serial, uuid, product }: Stands): Stand {
  if (serial === 'differs') return 'differs';
  if (serial === 'agrees') return uuid === 'differs' ? 'unknown' : 'agrees';
  return uuid === 'unknown' && product === 'differs' ? 'differs' : uuid;
}

interface Rule {
  /** In the words of the table in docs/server.md. */
  readonly when: string;
  readonly is: 'same' | 'other';
  readonly holds: (s: Stands, board: Stand) => boolean;
}

/** The first rule that holds decides. */
export const rules: readonly Rule[] = [
  {
    when: 'serial number and UUID agree',
    is: 'same',
    holds: ({ serial, uuid }) => serial === 'agrees' && uuid === 'agrees',
  },
  {
    when: 'the board and an address agree; of disks, memory modules and product two differ',
    is: 'other',
    holds: (s, board) =>
      board === 'agrees' && isAnyPort(s) && differing(s.disks, s.modules, s.product) >= 2,
  },
  {
    when: 'the board and an address agree',
    is: 'same',
    holds: (s, board) => board === 'agrees' && isAnyPort(s),
  },
  {
    when: 'the board and a disk or memory module agree',
    is: 'same',
    holds: (s, board) => board === 'agrees' && (s.disks === 'agrees' || s.modules === 'agrees'),
  },
  {
    when: 'the board alone agrees; disks, memory modules, product or build differ',
    is: 'other',
    holds: (s, board) =>
      board === 'agrees' && differing(s.disks, s.modules, s.product, s.build) > 0,
  },
  {
    when: 'the board alone agrees, and nothing differs',
    is: 'same',
    holds: (_, board) => board === 'agrees',
  },
  {
    when: 'a disk and a memory module agree',
    is: 'same',
    holds: ({ disks, modules }) => disks === 'agrees' && modules === 'agrees',
  },
  {
    when: 'a disk alone agrees, and no address',
    is: 'other',
    holds: (s) => s.disks === 'agrees' && s.primary !== 'unknown' && !isAnyPort(s),
  },
  {
    when: 'a disk agrees',
    is: 'same',
    holds: ({ disks }) => disks === 'agrees',
  },
  {
    when: 'the board differs, disks are not known; the installation or a memory module agrees',
    is: 'same',
    holds: (s, board) =>
      board === 'differs' &&
      s.disks === 'unknown' &&
      (s.installation === 'agrees' || s.modules === 'agrees'),
  },
  {
    when: 'the board differs',
    is: 'other',
    holds: (_, board) => board === 'differs',
  },
  {
    when: 'disks differ; a memory module or a second address agrees',
    is: 'same',
    holds: ({ disks, modules, ports }) =>
      disks === 'differs' && (modules === 'agrees' || ports === 'agrees'),
  },
  {
    when: 'disks differ',
    is: 'other',
    holds: ({ disks }) => disks === 'differs',
  },
  {
    when: 'the installation, a memory module or a second address agrees',
    is: 'same',
    holds: (s) => [s.installation, s.modules, s.ports].includes('agrees'),
  },
  {
    when: 'memory modules or build differ',
    is: 'other',
    holds: ({ modules, build }) => modules === 'differs' || build === 'differs',
  },
  { when: 'nothing differs', is: 'same', holds: () => true },
];

export interface Weight {
  readonly isSame: boolean;
  /** The rule that decided. */
  readonly rule: string;
  /** The number of traits that agree beyond the primary MAC. */
  readonly agreeing: number;
  /** The differences, as endings of "it …". */
  readonly against: readonly string[];
}

/** `sharedUuids`: SMBIOS UUIDs of several machines, which are no evidence. */
export function weigh(shown: Evidence, machine: Machine, sharedUuids: ReadonlySet<string>): Weight {
  const known = traitsOf(machine.hardware, machine.hardware.disks);
  const stands = standsOf(shown, machine, known, sharedUuids);
  const board = boardOf(stands);
  const rule = rules.find(({ holds }) => holds(stands, board));
  const { primary: _pointed, ...others } = stands;
  return {
    isSame: rule?.is === 'same',
    rule: rule?.when ?? '',
    agreeing: Object.values(others).filter((one) => one === 'agrees').length,
    against: against(shown, machine, known, stands),
  };
}

function standsOf(
  shown: Evidence,
  { identity }: Machine,
  known: Traits,
  sharedUuids: ReadonlySet<string>,
): Stands {
  const { traits } = shown;
  const ownPorts = (macs: readonly string[] | undefined): Set<string> =>
    new Set((macs ?? []).filter((mac) => mac !== shown.primaryMac && !isJunkMac(mac)));
  return {
    serial: joint(
      stand(traits.systemSerial, known.systemSerial),
      stand(traits.boardSerial, known.boardSerial),
    ),
    uuid: standOfUuids(shown.smbiosUuid, identity.smbios_uuid, sharedUuids),
    product: stand(traits.product, known.product),
    disks: standOfSets(traits.disks, known.disks),
    modules: standOfSets(traits.modules, known.modules),
    installation: stand(shown.machineId ?? undefined, identity.machine_id ?? undefined),
    ports: standOfSets(ownPorts(shown.macs), ownPorts(identity.all_macs)),
    primary: shown.macs?.length === 0 ? 'unknown' : stand(shown.primaryMac, identity.primary_mac),
    build: standOfBuild(traits, known, isStock(shown) ? 2 : 1),
  };
}

function stand<T>(shown: T | undefined, known: T | undefined): Stand {
  if (shown === undefined || known === undefined) return 'unknown';
  return shown === known ? 'agrees' : 'differs';
}

/** One that agrees outweighs one that differs. */
function joint(...stands: readonly Stand[]): Stand {
  if (stands.includes('agrees')) return 'agrees';
  return stands.includes('differs') ? 'differs' : 'unknown';
}

function standOfSets(shown: ReadonlySet<string>, known: ReadonlySet<string>): Stand {
  if (shown.size === 0 || known.size === 0) return 'unknown';
  for (const item of shown) if (known.has(item)) return 'agrees';
  return 'differs';
}

/** Some firmware updates swap the byte order. */
function standOfUuids(
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
    standOfSets(shown.kinds, known.kinds),
  ];
  const count = (which: Stand): number => stands.filter((s) => s === which).length;
  const differs = count('differs');
  if (differs >= least && differs > count('agrees')) return 'differs';
  return count('agrees') > 0 ? 'agrees' : 'unknown';
}

function isAnyPort({ primary, ports }: Stands): boolean {
  return primary === 'agrees' || ports === 'agrees';
}

function differing(...stands: readonly Stand[]): number {
  return stands.filter((s) => s === 'differs').length;
}

function against(shown: Evidence, machine: Machine, known: Traits, stands: Stands): string[] {
  const { traits } = shown;
  const said: readonly (readonly [Stand, string])[] = [
    [stands.uuid, `has SMBIOS UUID ${machine.identity.smbios_uuid}, not ${shown.smbiosUuid}`],
    [
      stands.serial,
      `has serial number ${known.systemSerial ?? known.boardSerial}, not ${traits.systemSerial ?? traits.boardSerial}`,
    ],
    [stands.product, `is a ${known.product}, not a ${traits.product}`],
    [stands.disks, 'has other disks'],
    [stands.modules, 'has other memory modules'],
    [stands.ports, 'has other ports beside'],
    [stands.installation, 'has another installation'],
    [stands.build, 'has another processor, memory size or kinds of disk'],
  ];
  return said.filter(([s]) => s === 'differs').map(([, text]) => text);
}

/** True if the serial number, a disk or the installation agrees: evidence beyond any address. */
export function isKnownBody(shown: Evidence, machine: Machine): boolean {
  const known = traitsOf(machine.hardware, machine.hardware.disks);
  const { serial, disks, installation } = standsOf(shown, machine, known, new Set());
  return [serial, disks, installation].includes('agrees');
}

/** True if more than a MAC is known of the machine and the check-in shows none of it: anybody may have read a
 *  MAC. A stock agent shows disks by size and model only. */
export function showsLess(shown: Evidence, machine: Machine): boolean {
  const known = traitsOf(machine.hardware, machine.hardware.disks);
  const { identity } = machine;
  const others = identity.all_macs.filter((mac) => mac !== shown.primaryMac);
  const isKnown =
    identity.smbios_uuid !== null ||
    known.systemSerial !== undefined ||
    known.boardSerial !== undefined ||
    known.disks.size + known.modules.size + others.length > 0;
  if (!isKnown) return false;
  const s = standsOf(shown, machine, known, new Set());
  const hard = [s.serial, s.uuid, s.disks, s.modules, s.installation, s.ports];
  if (hard.includes('agrees')) return false;
  return !isStock(shown) || standOfSets(shown.traits.kinds, known.kinds) !== 'agrees';
}

/** True if both have the same machine-id. */
export function isSameInstallation({ machineId }: Evidence, { identity }: Machine): boolean {
  return machineId !== null && machineId === identity.machine_id;
}

/** True if a boot goes on after a later boot was heard. A machine has one boot at a time, so two machines
 *  answer to this record. A late repeat of a request is not such a sign. */
export function goesOnInEarlierBoot(shown: Evidence, machine: Machine): boolean {
  const { bootId, sequence } = shown;
  const earlier = machine.report?.earlier_boots ?? [];
  const boot = earlier.find((b) => b.boot_id === bootId);
  return boot !== undefined && sequence !== null && sequence > (boot.sequence ?? 0);
}

export function twoBoots(shown: Evidence, machine: Machine): string {
  const current = machine.report?.boot_id ?? '';
  return `is in boot ${current}, while the check-in comes from boot ${shown.bootId ?? ''}, which is still running`;
}

/** The changes of the machine since its last check-in, in sentences. */
export function differences(shown: Evidence, machine: Machine): string[] {
  const { smbios_uuid: uuid, machine_id: id, all_macs: macs } = machine.identity;
  const said: string[] = [];
  if (shown.smbiosUuid !== null && uuid !== null && shown.smbiosUuid !== uuid) {
    said.push(`Its SMBIOS UUID was ${uuid} and is ${shown.smbiosUuid} now.`);
  }
  if (shown.machineId !== null && id !== null && shown.machineId !== id) {
    said.push('The machine-id changed: the OS was reinstalled.');
  }
  const gone = shown.macs === undefined ? [] : macs.filter((mac) => !shown.macs?.includes(mac));
  const added = (shown.macs ?? []).filter((mac) => !macs.includes(mac));
  if (gone.length > 0) said.push(`These MACs are gone: ${gone.join(', ')}.`);
  if (added.length > 0) said.push(`These MACs are new: ${added.join(', ')}.`);
  return said;
}
