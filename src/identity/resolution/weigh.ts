// Weighs the traits that a check-in shows against those of a machine that something pointed at. Pure.
import type { Machine } from '../../model/machine.ts';
import { isStock, type Evidence } from '../evidence.ts';
import { isJunkMac } from '../macs.ts';
import { dropPlaceholder } from '../placeholder-text.ts';
import { ownUuid } from '../placeholders.ts';
import { traitsOf, type Traits } from '../traits.ts';
import { ruleFor } from './rules.ts';
import { standOfLists, standOfUuids, standsOf, type Stand, type Stands } from './stands.ts';

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
  const rule = ruleFor(stands);
  const { primary: _pointed, boardSerial: _counted, ...others } = stands;
  return {
    isSame: rule?.is === 'same',
    rule: rule?.when ?? '',
    agreeing: Object.values(others).filter((one) => one === 'agrees').length,
    against: against(shown, machine, known, stands),
  };
}

function against(shown: Evidence, machine: Machine, known: Traits, stands: Stands): string[] {
  if (!Object.values(stands).includes('differs')) return [];
  const { traits } = shown;
  const said: readonly (readonly [Stand, string])[] = [
    [stands.uuid, `has SMBIOS UUID ${machine.identity.smbios_uuid}, not ${shown.smbiosUuid}`],
    [stands.serial, otherSerial(traits, known)],
    [
      stands.serial === 'agrees' ? stands.boardSerial : 'unknown',
      `has board serial number ${known.boardSerial}, not ${traits.boardSerial}`,
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

/** The numbers that were compared: those of the system, else of the board. */
function otherSerial(shown: Traits, known: Traits): string {
  return shown.systemSerial === undefined || known.systemSerial === undefined
    ? `has board serial number ${known.boardSerial}, not ${shown.boardSerial}`
    : `has serial number ${known.systemSerial}, not ${shown.systemSerial}`;
}

/** True if the serial number, a disk or the installation agrees: evidence beyond any address. */
export function isKnownBody(shown: Evidence, machine: Machine): boolean {
  const known = traitsOf(machine.hardware, machine.hardware.disks);
  const { serial, disks, installation } = standsOf(shown, machine, known, new Set());
  return [serial, disks, installation].includes('agrees');
}

/** True if a machine without an address of its own is known by its body; as it may show little else, also by its
 *  boot, and one with a stock agent by processor, memory and kinds of disk. */
export function isKnownWithoutAddress(shown: Evidence, machine: Machine): boolean {
  const isSameBoot = shown.bootId !== null && shown.bootId === machine.report?.boot_id;
  if (isSameBoot || isKnownBody(shown, machine)) return true;
  const isSameAddress = shown.primaryMac === machine.identity.primary_mac;
  const known = traitsOf(machine.hardware, machine.hardware.disks);
  return isStock(shown) && isSameAddress && isSameBuild(shown.traits, known);
}

/** A build of which nothing is known is nobody's. Two boards of one kind are told apart by their rhythm: see
 *  checkin/stock-claim.ts. */
function isSameBuild(shown: Traits, known: Traits): boolean {
  const isSameDisks = standOfLists(shown.kinds, known.kinds) !== 'differs';
  const isSameCpu = shown.cpuModel !== undefined && shown.cpuModel === known.cpuModel;
  const isSameMemory = shown.memoryBytes !== undefined && shown.memoryBytes === known.memoryBytes;
  return isSameDisks && isSameCpu && isSameMemory;
}

/** True if more than a MAC is known of the machine and the check-in shows none of it: anybody may have read a
 *  MAC. A stock agent shows disks by size and model only. */
export function showsLess(shown: Evidence, machine: Machine): boolean {
  const { identity } = machine;
  // Most machines show their UUID, and nothing else need be looked at.
  if (standOfUuids(shown.smbiosUuid, identity.smbios_uuid, new Set()) === 'agrees') return false;
  const known = traitsOf(machine.hardware, machine.hardware.disks);
  // Older records may have an address, a UUID or a serial number that is nobody's, as is known by now: no check-in shows these.
  const others = identity.all_macs.filter((mac) => mac !== shown.primaryMac && !isJunkMac(mac));
  const isKnown =
    ownUuid(identity.smbios_uuid) !== null ||
    [known.systemSerial, known.boardSerial, ...known.modules].some(isFilledIn) ||
    known.disks.length + others.length > 0;
  // A machine that only stock agents have shown is known by the kinds of its disks.
  const kinds = standOfLists(shown.traits.kinds, known.kinds);
  if (!isKnown) return isStock(shown) && known.kinds.length > 0 && kinds !== 'agrees';
  const s = standsOf(shown, machine, known, new Set());
  const hard = [s.serial, s.uuid, s.disks, s.modules, s.installation, s.ports];
  if (hard.includes('agrees')) return false;
  return !isStock(shown) || kinds !== 'agrees';
}

function isFilledIn(serial: string | undefined): boolean {
  return dropPlaceholder(serial) !== null;
}
