// The Machine record that a check-in makes: a new one, or the known one brought up to date. Pure. What a
// check-in does not tell stays as it was, and so do the fields of other versions.
import { isDeepStrictEqual } from 'node:util';
import type { Evidence } from '../../identity/evidence.ts';
import { computeIdentityHash } from '../../identity/hash.ts';
import { memorableName } from '../../identity/memorable-name.ts';
import type { CheckinHardware, CheckinRequest } from '../../model/api.ts';
import type { MachineChange } from '../../model/history.ts';
import type { Resolution } from '../../identity/resolve.ts';
import { believing } from './belief.ts';
import type { AgentReport, HardwareInfo, Machine, MachineIdentity } from '../../model/machine.ts';
import type { StoredDisk } from '../../model/hardware/disk.ts';
import type { StoredInterface } from '../../model/hardware/network-interface.ts';
import { told, type Every } from '../../model/wire.ts';
import { changesBetween } from './history.ts';

/** The number of earlier boots kept for a machine. */
const keptBoots = 4;

/** A check-in and what was made of it. */
export interface Sighted {
  readonly shown: Evidence;
  readonly request: CheckinRequest;
  readonly resolution: Resolution;
}

export function newMachine(id: string, sighted: Sighted, now: Date): Machine {
  const { shown, request } = sighted;
  const at = now.toISOString();
  return {
    id,
    identity: identityOf(undefined, shown),
    status: {
      state: 'Discovered',
      last_seen: at,
      current_workflow: null,
      last_workflow_result: null,
    },
    hardware: hardwareOf(noHardware, request),
    config: {
      hostname: request.hostname ?? null,
      memorable_name: memorableName(shown.primaryMac),
      os_choice: null,
      tags: [],
      bmc: null,
    },
    metadata: { created_at: at, updated_at: at, labels: {}, source: 'Agent' },
    report: reportOf(undefined, sighted, at),
  };
}

export interface Returning {
  /** The known machine, seen now, with what the check-in tells. */
  readonly machine: Machine;
  /** It says the same as before, but for when and how that came about. */
  readonly isSame: boolean;
  /** For its history. */
  readonly changes: readonly MachineChange[];
}

export function returningMachine(known: Machine, sighted: Sighted, now: Date): Returning {
  const at = now.toISOString();
  const machine: Machine = {
    ...known,
    identity: identityOf(known.identity, sighted.shown),
    hardware: hardwareOf(known.hardware, sighted.request),
    report: reportOf(known.report, sighted, at),
    status: { ...known.status, last_seen: at },
  };
  if (isDeepStrictEqual(comparable(known), comparable(machine))) {
    return { machine, isSame: true, changes: [] };
  }
  return {
    machine: { ...machine, metadata: { ...known.metadata, updated_at: at } },
    isSame: false,
    changes: changesBetween(known, machine, at),
  };
}

/** What a check-in tells, without when and how it came about. */
function comparable({ identity, hardware, report }: Machine): unknown {
  const {
    at: _at,
    sequence: _sequence,
    is_new: _isNew,
    matched_by: _by,
    evidence: _why,
    ...rest
  } = report ?? {};
  return { identity, hardware, report: rest };
}

/** The identity with the newer values; its hash is always that of its own fields. */
function identityOf(known: MachineIdentity | undefined, shown: Evidence): MachineIdentity {
  const all_macs = [...(shown.macs ?? known?.all_macs ?? [shown.primaryMac])];
  const smbios_uuid = shown.smbiosUuid ?? known?.smbios_uuid ?? null;
  const machine_id = shown.machineId ?? known?.machine_id ?? null;
  const isAllShown =
    (shown.macs !== undefined || known === undefined) &&
    smbios_uuid === shown.smbiosUuid &&
    machine_id === shown.machineId;
  return {
    ...known,
    // A made-up address is another one at each boot.
    primary_mac:
      all_macs.length === 0 ? (known?.primary_mac ?? shown.primaryMac) : shown.primaryMac,
    all_macs,
    smbios_uuid,
    machine_id,
    identity_hash: isAllShown
      ? shown.identityHash
      : computeIdentityHash(all_macs, smbios_uuid, machine_id),
  };
}

const noHardware: HardwareInfo = {
  cpu_model: null,
  cpu_cores: null,
  memory_bytes: null,
  disks: [],
  network_interfaces: [],
  is_virtual: false,
  virt_platform: null,
};

function hardwareOf(known: HardwareInfo, request: CheckinRequest): HardwareInfo {
  const believe = believing(request);
  return {
    ...known,
    ...told({
      cpu_model: request.cpu_model,
      cpu_cores: request.cpu_cores,
      cpu_threads: request.cpu_threads,
      memory_bytes: request.memory_bytes,
      is_virtual: request.is_virtual,
      virt_platform: request.virt_platform,
      gpus: believe(request.gpus),
    } satisfies Every<CheckinHardware>),
    disks: believe(request.disks)?.map((disk) => storedDisk(disk, known.disks)) ?? known.disks,
    network_interfaces:
      believe(request.interfaces)?.map((port) => storedInterface(port, known.network_interfaces)) ??
      known.network_interfaces,
  };
}

function storedDisk(
  { name, ...disk }: NonNullable<CheckinRequest['disks']>[number],
  known: readonly StoredDisk[],
): StoredDisk {
  const device = name.startsWith('/dev/') ? name : `/dev/${name}`;
  const { serial = null, size_bytes } = disk;
  const before =
    known.find((d) => serial !== null && d.serial === serial) ??
    known.find(
      (d) =>
        d.device === device &&
        d.size_bytes === size_bytes &&
        (serial === null || d.serial === null),
    );
  return {
    model: null,
    serial: null,
    ...before,
    ...told(disk),
    device,
    size_bytes: disk.size_bytes,
  };
}

function storedInterface(
  port: NonNullable<CheckinRequest['interfaces']>[number],
  known: readonly StoredInterface[],
): StoredInterface {
  const before = known.find((p) => p.name === port.name && p.mac === port.mac);
  return { speed_mbps: null, ...before, ...told(port), name: port.name, mac: port.mac };
}

function reportOf(
  known: AgentReport | undefined,
  { shown, request, resolution }: Sighted,
  at: string,
): AgentReport {
  const believe = believing(request);
  const existingOs = believe(request.existing_os);
  const { tells_os: _before, ...kept } = known ?? {};
  return {
    hostname: null,
    ip_address: null,
    bmc_address: null,
    existing_os: null,
    nameservers: [],
    agent_version: null,
    // An empty list counts here: what could not be read before can be read now.
    problems: request.problems ?? [],
    ...kept,
    ...told({
      hostname: request.hostname,
      ip_address: request.ip_address,
      bmc_address: request.bmc_address,
      nameservers: believe(request.nameservers),
      agent_version: request.agent_version,
      boot_timeline: request.boot_timeline,
      problems: request.problems,
    }),
    ...(existingOs === undefined ? {} : { existing_os: existingOs }),
    ...(tellsOs(known, shown.bootId, request) ? { tells_os: true } : {}),
    at,
    boot_id: shown.bootId,
    sequence: shown.sequence,
    earlier_boots: earlierBoots(known, shown.bootId),
    is_new: resolution.machineId === undefined,
    matched_by: resolution.matchedBy,
    evidence: resolution.evidence,
  };
}

/** True if this boot found a system on the disks, now or at an earlier check-in. */
function tellsOs(
  known: AgentReport | undefined,
  bootId: string | null,
  { existing_os }: CheckinRequest,
): boolean {
  if (existing_os !== undefined) return existing_os !== null;
  return bootId !== null && known?.boot_id === bootId && known.tells_os === true;
}

function earlierBoots(
  known: AgentReport | undefined,
  bootId: string | null,
): NonNullable<AgentReport['earlier_boots']> {
  const ended = known?.boot_id ?? null;
  const last = ended === null ? [] : [{ boot_id: ended, sequence: known?.sequence ?? null }];
  return [...last, ...(known?.earlier_boots ?? [])]
    .filter((boot) => boot.boot_id !== bootId)
    .slice(0, keptBoots);
}
