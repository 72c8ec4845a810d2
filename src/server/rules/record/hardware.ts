// The hardware in a machine's record, brought up to date by a check-in. Pure. What a check-in does not tell
// stays as it was, and so do the fields of other versions.
import type { CheckinHardware, CheckinRequest } from '../../../model/api/agent.ts';
import type { StoredDisk } from '../../../model/hardware/disk.ts';
import type { StoredInterface } from '../../../model/hardware/network-interface.ts';
import type { HardwareInfo } from '../../../model/machine.ts';
import { told, type Every } from '../../../model/api/wire.ts';
import type { Belief } from '../belief.ts';

export const noHardware: HardwareInfo = {
  cpu_model: null,
  cpu_cores: null,
  memory_bytes: null,
  disks: [],
  network_interfaces: [],
  is_virtual: false,
  virt_platform: null,
};

export function hardwareOf(
  known: HardwareInfo,
  request: CheckinRequest,
  believe: Belief,
): HardwareInfo {
  return {
    ...known,
    ...told({
      cpu_model: request.cpu_model,
      cpu_cores: request.cpu_cores,
      cpu_threads: request.cpu_threads,
      cpu_sockets: request.cpu_sockets,
      memory_bytes: request.memory_bytes,
      memory_slots: request.memory_slots,
      memory_max_bytes: request.memory_max_bytes,
      memory_error_correction: request.memory_error_correction,
      dimms: believe(request.dimms),
      is_virtual: request.is_virtual,
      virt_platform: request.virt_platform,
      gpus: believe(request.gpus),
      system: joined(known.system, request.system),
      board: joined(known.board, request.board),
      chassis: joined(known.chassis, request.chassis),
      firmware: joined(known.firmware, request.firmware),
      tpm: joined(known.tpm, request.tpm),
      bmc: joined(known.bmc, request.bmc),
      boot: joined(known.boot, request.boot),
    } satisfies Every<CheckinHardware>),
    disks: disksOf(known.disks, believe(request.disks)),
    network_interfaces:
      believe(request.interfaces)?.map((port) => storedInterface(port, known.network_interfaces)) ??
      known.network_interfaces,
  };
}

/** A part of the machine of which a check-in may tell less than is known: a user who is not root reads no
 *  serial numbers. */
function joined<T extends object>(known: T | undefined, said: T | undefined): T | undefined {
  // Only fields that have a value take the place of others, so that none of T's is lost.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return said === undefined ? known : ({ ...known, ...told(said) } as T);
}

function disksOf(
  known: readonly StoredDisk[],
  disks: CheckinRequest['disks'],
): HardwareInfo['disks'] {
  if (disks === undefined) return [...known];
  // Looked up, not searched: a check-in may bring thousands.
  let bySerial: Map<string | null, StoredDisk> | undefined;
  let byPlace: Map<string, StoredDisk> | undefined;
  const withSerial = (serial: string, i: number): StoredDisk | undefined => {
    // Most disks are listed where they were.
    if (known[i]?.serial === serial) return known[i];
    bySerial ??= new Map(known.map((disk) => [disk.serial, disk]));
    return bySerial.get(serial);
  };
  return disks.map((disk, i) => {
    const { name, serial = null, size_bytes } = disk;
    const device = name.startsWith('/dev/') ? name : `/dev/${name}`;
    // A new machine has none to find, and a look in a map makes V8 keep each text that it has not seen.
    if (known.length === 0) return storedDisk({}, disk, device);
    const same = serial === null ? undefined : withSerial(serial, i);
    if (same !== undefined) return diskOf(same, disk, device);
    byPlace ??= new Map(known.map((one) => [placeOf(one), one]));
    const there = byPlace.get(placeOf({ device, size_bytes }));
    return diskOf(serial === null || there?.serial === null ? there : undefined, disk, device);
  });
}

type ToldDisk = NonNullable<CheckinRequest['disks']>[number];

function diskOf(known: StoredDisk | undefined, disk: ToldDisk, device: string): StoredDisk {
  if (known === undefined) return storedDisk({}, disk, device);
  if (tellsNothingNew(disk, device, known)) return known;
  const { contents = [], ...kept } = known;
  // Data that was seen stays a warning. That a disk was blank holds for that look alone.
  return storedDisk(contents.length > 0 ? { ...kept, contents } : kept, disk, device);
}

/** The disk with what is told of it in place of what is known. */
function storedDisk(
  known: Partial<StoredDisk>,
  disk: Readonly<Record<string, unknown>> & ToldDisk,
  device: string,
): StoredDisk {
  const { size_bytes } = disk;
  const stored = { model: null, serial: null, ...known, device, size_bytes };
  // One by one: a copy of the whole without some of its fields takes longer than all of this.
  const fields: Record<string, unknown> = stored;
  for (const field in disk) {
    const isNamed = field === 'name' || field === 'device';
    if (!isNamed && (disk[field] ?? null) !== null) fields[field] = disk[field];
  }
  return stored;
}

function tellsNothingNew(
  disk: Readonly<Record<string, unknown>>,
  device: string,
  known: Readonly<Record<string, unknown>>,
): boolean {
  if (known['device'] !== device || 'contents' in known) return false;
  if (known['model'] === undefined || known['serial'] === undefined) return false;
  for (const key in disk) {
    if (key !== 'name' && disk[key] !== known[key] && (disk[key] ?? null) !== null) return false;
  }
  return true;
}

function placeOf({ device, size_bytes }: Pick<StoredDisk, 'device' | 'size_bytes'>): string {
  return `${device} ${size_bytes}`;
}

function storedInterface(
  port: NonNullable<CheckinRequest['interfaces']>[number],
  known: readonly StoredInterface[],
): StoredInterface {
  const before = known.find((p) => p.name === port.name && p.mac === port.mac);
  return { speed_mbps: null, ...before, ...told(port), name: port.name, mac: port.mac };
}
