// The parts of a machine's hardware that tell it from others, read alike out of a check-in and a record. Pure.
import { isPlaceholderWwn } from './placeholders.ts';
import type { CheckinRequest } from '../model/api/agent.ts';
import type { HardwareInfo } from '../model/machine.ts';

type Disks = readonly Pick<
  NonNullable<CheckinRequest['disks']>[number],
  'size_bytes' | 'model' | 'serial' | 'wwn' | 'transport' | 'paths' | 'removable' | 'virtual_media'
>[];

export interface Traits {
  readonly systemSerial: string | undefined;
  readonly boardSerial: string | undefined;
  readonly product: string | undefined;
  // Lists, in which a text may be twice: V8 keeps each text that is looked for in a set, which takes longer than all
  // that is done with these.
  /** Disks that nobody but this machine can have, as "serial size". */
  readonly disks: readonly string[];
  /** Disks by size and model, which other machines may have as well. */
  readonly kinds: readonly string[];
  /** Memory modules by serial number. */
  readonly modules: readonly string[];
  readonly cpuModel: string | undefined;
  readonly memoryBytes: string | undefined;
}

type Parts = Partial<
  Pick<HardwareInfo, 'system' | 'board' | 'dimms' | 'cpu_model' | 'memory_bytes'>
>;

export function traitsOf(
  { system, board, dimms = [], cpu_model: cpu, memory_bytes: memory }: Parts,
  disks: Disks = [],
): Traits {
  const product = [system?.vendor, system?.product].filter(Boolean).join(' ');
  const own: string[] = [];
  const kinds: string[] = [];
  let before: Disks[number] | undefined;
  for (const disk of disks) {
    if (!isLocal(disk)) continue;
    const id = idOf(disk);
    if (id !== undefined) own.push(`${id} ${disk.size_bytes}`);
    // Most machines have many of a kind.
    const isAnother = before?.size_bytes !== disk.size_bytes || before.model !== disk.model;
    if (isAnother) kinds.push(`${disk.size_bytes} ${disk.model ?? ''}`);
    before = disk;
  }
  return {
    systemSerial: unique(system?.serial),
    boardSerial: unique(board?.serial),
    product: product === '' ? undefined : product,
    disks: own,
    kinds,
    modules: dimms.flatMap(({ serial }) => unique(serial) ?? []),
    cpuModel: cpu ?? undefined,
    memoryBytes: memory === null || memory === undefined ? undefined : String(memory),
  };
}

/** The most disks that a machine is found by. */
const mostClues = 4;

/** Some of the disks, the same ones each time as long as they are there. */
export function diskClues({ disks }: Traits): string[] {
  const sorted = disks.toSorted();
  return sorted.filter((disk, i) => disk !== sorted[i - 1]).slice(0, mostClues);
}

/** A volume of a SAN shows one WWN at many hosts, a SAS disk with several paths may have two, and what is
 *  plugged into USB moves. */
export function isLocal({
  transport,
  paths = [],
  removable,
  virtual_media: isLent,
}: Disks[number]): boolean {
  if (removable === true || isLent === true) return false;
  if (transport === undefined || transport === null) return true;
  if (transport === 'sas' || transport === 'scsi') return paths.length < 2;
  return !/^(?:fc|fcoe|iscsi|usb|nbd|rbd|nvme-.*)$/.test(transport);
}

/** Equal WWNs are one disk only with equal serial numbers. */
function idOf({ serial, wwn }: Disks[number]): string | undefined {
  return unique(serial) ?? unique(ownName(wwn));
}

/** The WWN, if it is out of a maker's own range. */
function ownName(wwn: string | null | undefined): string | undefined {
  const name = wwn ?? '';
  return registered.test(name) && !isPlaceholderWwn(name) ? name : undefined;
}

/** A name out of a maker's own range. The kernel makes others up of model and serial number ("t10.", "nvme."). */
const registered = /^(?:naa\.|eui\.|uuid\.|0x)[0-9a-f-]+$/i;

/** Serial numbers that are none, or that a hypervisor gives to each of its machines: QEMU, Proxmox, LXD, VMware,
 *  VirtualBox, bhyve, Google, Azure. */
const common =
  /^(?:(?:0x)?(.)\1*|(?:0x)?0{6,}\d{1,3}|\d\d0{15,}\d|0?123456789?.*|deadbeef|none|n\/a|unknown|invalid|not .*|to be .*|BHYVE(?:-[\dA-F]{4}){3}|(?:0?QEMU_.*_)?(?:QM0+\d+|drive-.*|(?:lxd|incus)_.*)|vm-\d+-disk-\d+|VMware NVME_\d+|VB1234[-_]56789|NVME-\d+-\d+|nvme_card.*|persistent-disk-\d+|SN: 0*\d)$/i;

function unique(text: string | null | undefined): string | undefined {
  const serial = text?.trim() ?? '';
  return serial === '' || common.test(serial) ? undefined : serial;
}
